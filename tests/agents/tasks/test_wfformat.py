"""Workflows that others have recorded, in every version of their format."""

from typing import Any

import pytest

from agents.tasks.models import Workflow
from agents.tasks.read import BadWorkflow, read_workflow
from agents.tasks.wfformat import name_of
from tests.agents.tasks.conftest import Written

NEW: dict[str, Any] = {
    "name": "genome run",
    "schemaVersion": "1.5",
    "workflow": {
        "specification": {
            "tasks": [
                {"name": "split", "id": "split_1", "parents": [], "children": ["map_1"]},
                {"name": "map", "id": "map_1", "parents": ["split_1"], "children": []},
            ],
            "files": [],
        },
        "execution": {
            "makespanInSeconds": 30,
            "tasks": [
                {"id": "split_1", "runtimeInSeconds": 10, "coreCount": 2, "memoryInBytes": 5000},
                {"id": "map_1", "runtimeInSeconds": 20.5},
            ],
        },
    },
}
OLD: dict[str, Any] = {
    "name": "genome run",
    "schemaVersion": "1.3",
    "workflow": {
        "makespan": 30,
        "tasks": [
            {"name": "split_1", "runtime": 10, "parents": [], "cores": 2, "memory": 5},
            {"name": "map_1", "runtime": 20.5, "parents": ["split_1"]},
        ],
    },
}


def is_the_genome(found: Workflow) -> bool:
    split, map_ = found.tasks
    return (
        found.name == "genome-run"
        and (split.id, split.seconds, split.needs) == ("split_1", 1.0, ())
        and split.resources == {"cpu": 2.0, "memory": 5000.0}
        and (map_.id, round(map_.seconds, 6), map_.needs) == ("map_1", 2.05, ("split_1",))
    )


@pytest.mark.parametrize("body", [NEW, OLD])
def test_each_version_gives_the_same_workflow(body: dict[str, Any], written: Written) -> None:
    assert is_the_genome(read_workflow(written(body), scale=0.1))


def test_the_oldest_versions_have_jobs(written: Written) -> None:
    workflow = {"jobs": OLD["workflow"]["tasks"]}
    old = OLD | {"schemaVersion": "1.1", "workflow": workflow}
    assert is_the_genome(read_workflow(written(old), scale=0.1))


@pytest.mark.parametrize(
    "workflow",
    [{}, {"tasks": 5}, {"tasks": ["a"]}, {"tasks": [{"parents": []}]}, {"specification": []}],
)
def test_what_is_not_what_its_version_says_is_refused(workflow: Any, written: Written) -> None:
    with pytest.raises(BadWorkflow):
        read_workflow(written(OLD | {"workflow": workflow}))


@pytest.mark.parametrize(
    "name, found", [("a/b c/", "b-c"), ("x.json", "x"), ("///", "workflow"), ("ä", "workflow")]
)
def test_a_name_is_made_of_what_a_name_may_have(name: str, found: str) -> None:
    assert name_of(name) == found
