"""Reads prefect.yaml, and names what `prefect deploy` would pass over in silence.

`prefect deploy` ignores unknown keys and takes the last of two equal ones, and a pull step runs whatever it
fetches. Types are checked by Prefect's own model of the file.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import yaml
from prefect.cli.deploy._models import (
    ConcurrencyLimitSpec,
    DeploymentConfig,
    PrefectYamlModel,
    WorkPoolConfig,
)
from pydantic import BaseModel, ValidationError

from deployments.resources import PULL_STEPS

MOST_BYTES, MOST_NODES = 1_000_000, 50_000
OWN_KEYS = {"definitions", "prefect-version"}  # `definitions` holds anchors only
ACTIONS = ("build", "push", "pull")


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, without keys that are there twice, and with a bound on what aliases stand for."""

    def get_single_node(self) -> yaml.Node | None:
        """The document, composed and not yet constructed."""
        node: yaml.Node | None = super().get_single_node()
        if node is not None and _size(node, {}) > MOST_NODES:
            raise yaml.MarkedYAMLError(problem=f"it stands for more than {MOST_NODES:,} values")
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - as in the class above
        seen = set[object]()
        for key, _ in node.value:
            if key.value in seen:
                text = f"the key {key.value!r} is there twice"
                raise yaml.MarkedYAMLError(problem=text, problem_mark=key.start_mark)
            seen.add(key.value if isinstance(key.value, str) else id(key))
        return super().construct_mapping(node, deep)


def _size(node: yaml.Node, known: dict[int, int | None]) -> int:
    """The values that a node stands for, with those behind its aliases; `known` has those counted before."""
    if id(node) in known:
        counted = known[id(node)]
        if counted is None:
            raise yaml.MarkedYAMLError(problem="a value holds itself", problem_mark=node.start_mark)
        return counted
    known[id(node)] = None
    known[id(node)] = size = 1 + sum(_size(one, known) for one in _inside(node))
    return size


def _inside(node: yaml.Node) -> Iterator[yaml.Node]:
    for one in node.value if isinstance(node.value, list) else ():
        yield from one if isinstance(one, tuple) else (one,)


def read(text: str) -> tuple[dict[str, Any], list[str]]:
    """The file as a mapping, and every problem with its form, one line each; with a problem, an empty mapping."""
    if len(text) > MOST_BYTES:
        return {}, [f"prefect.yaml has more than {MOST_BYTES:,} characters"]
    try:
        found = _Loader(text).get_single_data()
    except RecursionError:
        return {}, ["prefect.yaml is nested too deeply"]
    except (yaml.YAMLError, ValueError) as error:
        return {}, [f"prefect.yaml is not YAML: {' '.join(str(error).split())[:300]}"]
    if not isinstance(found, dict):
        return {}, ["prefect.yaml should have keys, such as deployments"]
    problems = [*_wrong_types(found)] or [
        *_unknown_keys(found),
        *_limits(found),
        *_pull_steps(found),
    ]
    return ({}, problems) if problems else (found, [])


def _wrong_types(found: Mapping[str, Any]) -> Iterator[str]:
    try:
        PrefectYamlModel.model_validate(found)
    except ValidationError as error:
        for one in error.errors(include_input=False, include_url=False):
            if "schedules" in one["loc"]:
                continue  # `check` says it in words
            yield f"prefect.yaml: {_place(one['loc'], found)}: {one['msg']}"


def _place(parts: Sequence[int | str], found: Mapping[str, Any]) -> str:
    """Where a value is; a deployment by its name."""
    if len(parts) > 1 and parts[0] == "deployments" and isinstance(parts[1], int):
        one = found["deployments"][parts[1]]
        name = one.get("name") if isinstance(one, dict) else None
        return ".".join((str(name or f"deployment {parts[1] + 1}"), *map(str, parts[2:])))
    return ".".join(map(str, parts))


def _unknown_keys(found: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown("prefect.yaml", found, PrefectYamlModel, OWN_KEYS)
    for deployment in _deployments(found):
        name = str(deployment.get("name"))
        yield from _unknown(name, deployment, DeploymentConfig)
        yield from _unknown(f"{name}.work_pool", deployment.get("work_pool"), WorkPoolConfig)
        limit = deployment.get("concurrency_limit")
        yield from _unknown(f"{name}.concurrency_limit", limit, ConcurrencyLimitSpec)


def _unknown(
    where: str,
    block: object,
    model: type[BaseModel],
    further: frozenset[str] | set[str] = frozenset(),
) -> Iterator[str]:
    known = {*model.model_fields, *further}
    for key in block if isinstance(block, dict) else ():
        if key not in known:
            yield f"{where}: unknown key {key!r}; known are {', '.join(sorted(known))}"


def _limits(found: Mapping[str, Any]) -> Iterator[str]:
    for deployment in _deployments(found):
        limit = deployment.get("concurrency_limit")
        slots = limit.get("limit") if isinstance(limit, dict) else limit
        if slots is not None and slots < 1:
            yield f"{deployment.get('name')}: concurrency_limit is {slots}; it must be 1 or more"


def _pull_steps(found: Mapping[str, Any]) -> Iterator[str]:
    """Steps that run code which this repository does not hold."""
    blocks = [
        ("prefect.yaml", found),
        *((str(one.get("name")), one) for one in _deployments(found)),
    ]
    for where, block in blocks:
        for action in ACTIONS:
            steps = block.get(action) or []
            for step in [steps] if isinstance(steps, dict) else steps:
                for name in step.keys() - set(PULL_STEPS):
                    yield (
                        f"{where}: {action} step {name} may run code from elsewhere; "
                        "if you trust it, add it to PULL_STEPS in deployments/resources.py"
                    )


def _deployments(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return found.get("deployments") or []
