"""Base job templates of pools for containers: Prefect's own, with defaults of ours.

They are read from the file that Prefect installs: its server would ask a host on the internet first.
"""

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from importlib.resources import files
from typing import Any

from prefect.workers.base import BaseWorker

PUSH = ":push"  # Prefect Cloud starts the containers itself, by the same variables
METADATA = "collections_data/views/aggregate-worker-metadata.json"


def base_job_template(pool_type: str) -> dict[str, Any]:
    """Prefect's template for pools of this type; empty if it has none."""
    known = pool_type.removesuffix(PUSH)
    worker = BaseWorker.get_worker_class_from_type(known)
    if worker is not None:
        return deepcopy(worker.get_default_base_job_template())
    collections = json.loads((files("prefect.server.api") / METADATA).read_text(encoding="utf-8"))
    for collection in collections.values():
        for one in collection.values():
            if one.get("type") == known:
                return dict(one["default_base_job_configuration"])
    return {}


def defaults_of(template: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The defaults that the template has for these variables; None for those that it does not have."""
    variables = template.get("variables", {}).get("properties", {})
    return {name: variables.get(name, {}).get("default") for name in names}


def with_defaults(template: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the template in which these variables have these defaults.

    Raises ValueError for a name that is no variable of the template.
    """
    made = deepcopy(dict(template))
    variables = made.get("variables", {}).get("properties", {})
    if unknown := sorted(defaults.keys() - variables.keys()):
        raise ValueError(f"the job template has no variable {', '.join(unknown)}")
    for name, value in defaults.items():
        variables[name]["default"] = value
    return made
