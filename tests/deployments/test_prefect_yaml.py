"""prefect.yaml and the environment are refused where `prefect deploy` and Prefect would pass over a mistake."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from deployments import prefect_yaml
from deployments.check import PREFECT_YAML, resource_problems
from deployments.environment import environment_problems
from deployments.resources import Limit, Pool, Queue

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_the_file_of_this_repository_has_no_problem() -> None:
    found, problems = prefect_yaml.read(PREFECT_YAML.read_text(encoding="utf-8"))
    assert problems == []
    assert found == yaml.safe_load(PREFECT_YAML.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text, problem",
    [
        ("", "should have keys"),
        ("- a", "should have keys"),
        ("deployments:\n\t- name: a", "is not YAML"),
        ("name: a\nname: b", "the key 'name' is there twice"),
        ("deployments: [{name: a, name: b}]", "the key 'name' is there twice"),
        (BOMB, "stands for more than 50,000 values"),
        ("a: &a [*a]", "a value holds itself"),
        ("[" * 1_000, "nested too deeply"),
        ("a: " + "x" * 1_000_001, "more than 1,000,000 characters"),
        ("a: !!python/object/apply:os.system [ls]", "is not YAML"),
        ("deployments: many", "prefect.yaml: deployments: Input should be a valid list"),
        ("deployments: [{name: a, tags: 7}]", "prefect.yaml: a.tags.str: Input should be"),
        ("deployments: [{work_pool: 7}]", "prefect.yaml: deployment 1.work_pool: Input should"),
        ("deploiments: []", "prefect.yaml: unknown key 'deploiments'"),
        ("deployments: [{name: a, paramters: {}}]", "a: unknown key 'paramters'"),
        ("deployments: [{name: a, work_pool: {queue: b}}]", "a.work_pool: unknown key 'queue'"),
        (
            "deployments: [{name: a, concurrency_limit: {slots: 1}}]",
            "a.concurrency_limit: unknown key 'slots'",
        ),
        ("deployments: [{name: a, concurrency_limit: -1}]", "a: concurrency_limit is -1"),
        ("deployments: [{name: a, concurrency_limit: {limit: 0}}]", "a: concurrency_limit is 0"),
        (
            "pull: [{prefect.deployments.steps.git_clone: {repository: https://host.test/x}}]",
            "prefect.yaml: pull step prefect.deployments.steps.git_clone may run code",
        ),
        (
            "deployments: [{name: a, build: {prefect.deployments.steps.run_shell_script: {}}}]",
            "a: build step prefect.deployments.steps.run_shell_script may run code",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_each_problem_of_the_form_is_named(text: str, problem: str) -> None:
    found, problems = prefect_yaml.read(text)
    assert found == {}
    assert any(problem in one for one in problems), problems


def test_all_problems_are_named_at_once() -> None:
    text = "nme: x\ndeployments: [{name: a, paused_: true, concurrency_limit: 0}, {nam: b}]"
    assert len(prefect_yaml.read(text)[1]) == 4


@given(st.text(st.sampled_from("a:{}[]&*-!|>'\"#%@ \n\t,0"), max_size=60))
def test_no_text_raises(text: str) -> None:
    prefect_yaml.read(text)


def sound(**changes: str) -> list[str]:
    return environment_problems({"PREFECT_API_URL": "http://127.0.0.1:4200/api"} | changes)


@pytest.mark.parametrize(
    "variables, problem",
    [
        ({"PREFECT_API_URL": "http://127.0.0.1:4200"}, "PREFECT_API_URL should end with /api"),
        ({"PREFECT_API_URL": "127.0.0.1:4200/api"}, "PREFECT_API_URL should begin with http"),
        ({"PREFECT_API_KEY": "hunter2", "PREFECT_API_AUTH_STRING": "a:hunter2"}, "both set"),
        ({"PREFECT_API_AUTH_STRING": ""}, "PREFECT_API_AUTH_STRING is empty"),
        (
            {"PREFECT_API_ULR": "x"},
            "PREFECT_API_ULR: Prefect has no such setting; is PREFECT_API_URL",
        ),
    ],
)
def test_each_problem_of_the_environment_is_named_without_its_value(
    variables: dict[str, str], problem: str
) -> None:
    [found] = sound(**variables)
    assert problem in found
    assert "hunter2" not in found


def test_a_sound_environment_has_no_problem() -> None:
    assert sound(PREFECT_API_KEY="k", PREFECT_LOGGING_LEVEL="INFO", PREFECT_HOME="/x") == []


@pytest.mark.parametrize(
    "change, problem",
    [
        (lambda pool: pool | {"limit": -1}, "work pool p: limit is -1; it must be 1 or more"),
        (lambda pool: pool | {"queues": (Queue("q", 0, 1),)}, "work queue p/q: priority is 0"),
        (lambda pool: pool | {"queues": (Queue("q", 1, 0),)}, "work queue p/q: limit is 0"),
    ],
)
def test_numbers_below_one_are_refused(
    change: Callable[[dict[str, Any]], dict[str, Any]], problem: str
) -> None:
    values = {"name": "p", "type": "process", "limit": 1, "description": "", "queues": ()}
    [found] = resource_problems((Pool(**change(values)),), ())
    assert found.startswith(problem)
    assert resource_problems((), (Limit("calls", 0),)) != []
