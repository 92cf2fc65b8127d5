"""Reading a workflow: every mistake is found at once, with task, field and rule."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.services.files.outcomes import SourceError
from agents.tasks.graph import tails_of
from agents.tasks.models import MOST_TASKS
from agents.tasks.read import BadWorkflow, check, read_workflow
from tests.agents.tasks.conftest import Written

YAML = """
name: nightly
tasks:
  - {id: collect, seconds: 60}
  - {id: train, kind: compute, seconds: 30, needs: [collect], resources: {cpu: 1, memory: 1000}}
  - {id: report, needs: [train, collect], priority: high, timeout: 2.5, expected: 3}
"""


def rules(tasks: Any, name: Any = "w") -> list[tuple[str, str]]:
    """Fields and rules of the problems of a workflow with these tasks."""
    with pytest.raises(BadWorkflow) as refused:
        check({"name": name, "tasks": tasks})
    return [(problem.field, problem.rule) for problem in refused.value.problems]


def from_yaml(text: str, tmp_path: Path) -> str:
    path = tmp_path / "workflow.yaml"
    path.write_text(text, "utf-8")
    return str(path)


def test_yaml_and_json_give_the_same_workflow(tmp_path: Path, written: Written) -> None:
    found = read_workflow(from_yaml(YAML, tmp_path))
    assert [task.id for task in found.tasks] == ["collect", "train", "report"]
    assert found.tasks[1].resources == {"cpu": 1, "memory": 1000}
    assert read_workflow(written(found.model_dump(mode="json"))) == found
    assert tails_of(found) == {"collect": 93.0, "train": 33.0, "report": 3.0}


def test_durations_are_scaled_and_the_name_is_replaced(tmp_path: Path) -> None:
    found = read_workflow(from_yaml(YAML, tmp_path), scale=0.5, name="again")
    assert found.name == "again"
    assert [(task.seconds, task.expected) for task in found.tasks] == [
        (30.0, None),
        (15.0, None),
        (0.0, 1.5),
    ]


@pytest.mark.parametrize(
    "task, found",
    [
        ({}, ("tasks[0]: id", "missing")),
        ({"id": 5}, ("tasks[0]: id", "type")),
        ({"id": "a b"}, ("task a b: id", "pattern")),
        ({"id": "a", "seconds": -1}, ("task a: seconds", "out-of-range")),
        ({"id": "a", "seconds": float("nan")}, ("task a: seconds", "type")),
        ({"id": "a", "seconds": True}, ("task a: seconds", "type")),
        ({"id": "a", "seconds": "5"}, ("task a: seconds", "type")),
        ({"id": "a", "seconds": 1e9}, ("task a: seconds", "out-of-range")),
        ({"id": "a", "kind": "shell"}, ("task a: kind", "type")),
        ({"id": "a", "command": "rm"}, ("task a: command", "unknown-field")),
        ({"id": "a", "needs": "b"}, ("task a: needs", "type")),
        ({"id": "a", "needs": ["b"]}, ("task a: needs", "unknown")),
        ({"id": "a", "needs": ["a"]}, ("task a: needs", "cycle")),
        ({"id": "a", "resources": {"cpu": -1}}, ("task a: resources.cpu", "out-of-range")),
        ({"id": "a", "priority": "now"}, ("task a: priority", "type")),
        ({"id": "a", "timeout": 0}, ("task a: timeout", "out-of-range")),
        ("a", ("tasks[0]", "type")),
    ],
)
def test_a_bad_task_is_named_with_field_and_rule(task: Any, found: tuple[str, str]) -> None:
    assert found in rules([task])


@pytest.mark.parametrize("name", ["", "a/b", "a b", 7, "x" * 101, "ä"])
def test_a_name_that_cannot_begin_a_key_is_refused(name: Any) -> None:
    assert rules([{"id": "a"}], name)[0][0] == "name"


def test_doubles_and_circles_are_named_together() -> None:
    tasks = [
        {"id": "a", "needs": ["c"]},
        {"id": "b", "needs": ["a", "a"]},
        {"id": "c", "needs": ["b"]},
        {"id": "d"},
        {"id": "d"},
    ]
    assert rules(tasks) == [
        ("task b: needs", "duplicate"),
        ("task d: id", "duplicate"),
        ("tasks", "cycle"),
    ]
    with pytest.raises(BadWorkflow, match=r"a needs c needs b needs a|b needs a|c needs b"):
        check({"name": "w", "tasks": tasks[:3]})


def test_too_many_tasks_are_refused() -> None:
    many = [{"id": f"t{n}"} for n in range(MOST_TASKS + 1)]
    assert rules(many) == [("tasks", "type")]
    assert rules([]) == [("tasks", "type")]


def test_tasks_that_are_added_may_need_others() -> None:
    found = check({"name": "w", "tasks": [{"id": "b", "needs": ["a"]}]}, open_needs=True)
    assert found.tasks[0].needs == ("a",)


@pytest.mark.parametrize(
    "text, rule",
    [
        ("name: w\ntasks: [&a {id: a}, *a]", "yaml"),
        ("name: w\nname: v\ntasks: [{id: a}]", "yaml"),
        ("name: w\ntasks: [{id: a, id: b}]", "yaml"),
        ("name: w\ntasks: !!python/object/apply:os.system [ls]", "yaml"),
        ("? [a]\n: b", "yaml"),
        ("- a", "type"),
        ("", "type"),
        ("[" * 1_000, "too-deep"),
        ("name: [", "yaml"),
    ],
)
def test_yaml_that_could_surprise_is_refused(text: str, rule: str, tmp_path: Path) -> None:
    with pytest.raises(BadWorkflow) as refused:
        read_workflow(from_yaml(text, tmp_path))
    assert [problem.rule for problem in refused.value.problems] == [rule]


@pytest.mark.parametrize("text", ['{"name": "w", "name": "v"}', '{"name": NaN}', "{", "{'a': 1}"])
def test_json_is_read_by_the_letter(text: str, tmp_path: Path) -> None:
    path = tmp_path / "workflow.json"
    path.write_text(text, "utf-8")
    with pytest.raises(BadWorkflow):
        read_workflow(str(path))


@pytest.mark.parametrize("path", ["/nowhere/at/all.yaml", "/dev/zero", ""])
def test_what_is_no_file_is_refused(path: str) -> None:
    with pytest.raises(SourceError):
        read_workflow(path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["name", "tasks", "id", "needs", "seconds", "resources", "kind"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(VALUES)
def test_anything_is_a_workflow_or_is_refused(value: Any) -> None:
    for body in (
        value if isinstance(value, dict) else {"tasks": value},
        {"name": "w", "tasks": [value]},
    ):
        with suppress(BadWorkflow):
            check(body)
