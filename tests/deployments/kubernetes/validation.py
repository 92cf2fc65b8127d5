"""Strict validation of manifests: every kind has a schema, and a kind without one is a failure.

The schemas of Kubernetes' own kinds are those of kubernetes-validate, which reads its definitions (2 MB)
anew for each object, and only warns where it has no schema; so its files are loaded here, once. Those of
other kinds are in `schemas`.
"""

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

HERE = Path(__file__).parent / "schemas"
THEIRS = files("kubernetes_validate") / "kubernetes-json-schema" / "v1.37.0-local-strict"
Json = dict[str, Any]


class NoSchema(AssertionError):
    """A kind that nothing here can judge."""


@cache
def _registry() -> Registry[Any]:
    definitions = json.loads((THEIRS / "_definitions.json").read_text())
    metadata = json.loads((HERE / "metadata.json").read_text())
    resources = [
        ("/api/_definitions.json", definitions),
        (definitions.get("$id", "/api/_definitions.json"), definitions),
        ("metadata.json", metadata),
    ]
    return Registry().with_resources(
        (name, Resource.from_contents(schema, default_specification=DRAFT202012))
        for name, schema in resources
    )


@cache
def _validator(api_version: str, kind: str) -> Draft202012Validator:
    group, _, version = api_version.rpartition("/")
    name = "-".join(part for part in (kind.lower(), group.split(".")[0], version) if part) + ".json"
    for folder in (THEIRS, HERE):
        if (folder / name).is_file():
            schema = json.loads((folder / name).read_text())
            return Draft202012Validator(schema, registry=_registry())
    raise NoSchema(f"{api_version} {kind} has no schema")


def problems(one: Json) -> list[str]:
    """What is wrong with an object, by its place. Raises NoSchema."""
    validator = _validator(one["apiVersion"], one["kind"])
    found = [
        f"{'.'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(one)
    ]
    return found if one.get("kind") else ["no kind"]
