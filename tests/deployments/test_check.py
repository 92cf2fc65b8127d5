"""check.py names every disagreement of prefect.yaml with the code."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.runtime.execution.agent import Takes
from agents.runtime.journal.database import Database
from agents.runtime.model.policies import EFFECT, PURE
from agents.runtime.scheduling.scaling import ScaleBounds
from agents.runtime.settings import settings
from deployments import check
from deployments.apply import apply_to_journal
from deployments.resources import CLOUDS, Capacity, Limit, Pool, Queue

POOLS = (Pool("default", "process", 4, "", queues=(Queue("urgent", 1, 1), Queue("orders", 2, 1))),)
SOUND = """
definitions:
  places:
    urgent: &urgent {name: default, work_queue_name: urgent}
    orders: &orders
      name: default
      work_queue_name: orders
      job_variables: {env: {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: 30}}
deployments:
  - name: stand-in
    entrypoint: tests.deployments.stand_in.process
    work_pool: *orders
    tags: [agent-flows]
    parameters: {batch_size: 10}
    schedules:
      - {slug: nightly, cron: "0 2 * * *", timezone: UTC, parameters: {orders: a.jsonl}}
"""


def broken(change: Callable[[dict[str, Any]], object]) -> list[str]:
    configuration = yaml.safe_load(SOUND)
    change(configuration["deployments"][0])
    return check.problems(yaml.safe_dump(configuration), POOLS)


def test_a_flow_without_its_extra_is_told_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for name in ("agents.analysis.extra", "flows.data_analysis"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (problem,) = broken(lambda one: one.update(entrypoint="flows.data_analysis.analyse"))
    assert "MissingExtra" in problem
    assert "uv sync --inexact --extra analysis" in problem


def test_a_sound_file_has_no_problem() -> None:
    assert check.problems(SOUND, POOLS) == []


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"entrypoint": "flows.nowhere.gone"}, "entrypoint 'flows.nowhere.gone' does not load"),
        ({"entrypoint": "tests.deployments.stand_in.gone"}, "does not load: MissingFlowError"),
        ({"entrypoint": "tests.deployments.stand_in.not_a_flow"}, "is not a flow"),
        ({"entrypoint": None}, "entrypoint None does not load"),
        ({"name": "other"}, "other: the flow is named 'stand-in'"),
        ({"work_pool": {"name": "gpu"}}, "pool 'gpu' with queue None is not declared"),
        (
            {"work_pool": {"name": "default", "work_queue_name": "x"}},
            "pool 'default' with queue 'x' is not declared",
        ),
        ({"tags": ["orders"]}, "lacks the tag 'agent-flows'"),
        ({"work_pool": {"name": "default", "work_queue_name": "orders"}}, "_FREQUENCY is not 30"),
        ({"parameters": {"batch_size": 513}}, "parameters: batch_size: 513 is greater than"),
        ({"parameters": {"batch_size": "many"}}, "'many' is not of type 'integer'"),
        ({"parameters": {"colour": "red"}}, "the flow has no parameter 'colour'"),
        ({"schedules": [{"cron": "0 2 * * *"}]}, "schedule None: without a slug"),
        ({"schedules": [{"slug": "s"}]}, "schedule 's': needs one of cron, interval, rrule"),
        ({"schedules": [{"slug": "s", "cron": "daily at two"}]}, "schedule 's': "),
        ({"schedules": [{"slug": "s", "interval": "soon"}]}, "schedule 's': "),
        (
            {"schedules": [{"slug": "s", "cron": "0 2 * * *", "timezone": "Mars/Olympus"}]},
            "schedule 's': ",
        ),
        (
            {"schedules": [{"slug": "s", "cron": "0 2 * * *"}]},
            "parameters of schedule 's': $: 'orders' is a required property",
        ),
        (
            {"schedules": [{"slug": "s", "interval": 60, "parameters": {"orders": "a"}}] * 2},
            "schedule 's' is declared 2 times",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_each_problem_is_named(change: dict[str, Any], problem: str) -> None:
    assert any(problem in found for found in broken(lambda block: block.update(change)))


def test_a_deployment_without_pool_is_named() -> None:
    assert "stand-in: names no work pool" in broken(lambda block: block.pop("work_pool"))


def test_a_variant_is_named_after_its_flow_with_a_suffix() -> None:
    assert broken(lambda block: block.update(name="stand-in-nightly")) == []


def test_a_declared_queue_that_no_deployment_names_is_a_problem() -> None:
    pools = (*POOLS, Pool("gpu", "process", 1, "", queues=(Queue("models", 1, 1),)))
    assert check.problems(SOUND, pools) == [
        "pool 'gpu' with queue 'models' is declared but not named in prefect.yaml"
    ]


def test_a_name_that_is_declared_twice_is_a_problem() -> None:
    configuration = yaml.safe_load(SOUND)
    configuration["deployments"] *= 2
    found = check.problems(yaml.safe_dump(configuration), POOLS)
    assert "deployment 'stand-in' is declared 2 times" in found


def test_all_problems_are_named_at_once() -> None:
    found = broken(
        lambda block: block.update(
            work_pool={"name": "gpu"},
            parameters={"batch_size": 0, "colour": "red"},
            schedules=[{"cron": "never"}],
        )
    )
    for part in ("'gpu'", "batch_size", "'colour'", "slug", "schedule None: "):
        assert any(part in problem for problem in found)


def test_text_that_is_not_yaml_is_a_problem() -> None:
    (problem,) = check.problems("deployments: [", POOLS)
    assert "not YAML" in problem


def test_a_limit_that_is_missing_or_too_small_for_its_agent_is_a_problem() -> None:
    policies = {
        "charge": EFFECT.limited_by("payments"),
        "ship": EFFECT.limited_by("gone"),
        "validate": PURE,
    }
    enough = 2 * EFFECT.concurrency
    (problem,) = check.limit_problems(policies, (Limit("payments", enough),))
    assert problem.startswith(
        f"agent ship: limit 'gone' has 0 slots declared; it must be {enough} or more"
    )
    assert len(check.limit_problems(policies, (Limit("payments", enough - 1),))) == 2


def test_a_workflow_without_deployment_is_a_problem() -> None:
    configuration = yaml.safe_load(check.PREFECT_YAML.read_text(encoding="utf-8"))
    assert check.workflow_problems(yaml.safe_dump(configuration)) == []
    orders = {"order-processing", "enqueue-orders"}
    configuration["deployments"] = [
        block for block in configuration["deployments"] if block["name"] not in orders
    ]
    text = yaml.safe_dump(configuration)
    assert check.problems(text) == []
    assert check.workflow_problems(text) == [
        "workflow 'orders': no deployment in prefect.yaml runs flows.fulfilment",
        "workflow 'changes': no deployment in prefect.yaml runs flows.fulfilment",
        "workflow 'returns': no deployment in prefect.yaml runs flows.fulfilment",
    ]


def test_an_operation_without_deployment_and_a_trigger_that_is_wrong_are_problems() -> None:
    configuration = yaml.safe_load(check.PREFECT_YAML.read_text(encoding="utf-8"))
    assert check.operation_problems(yaml.safe_dump(configuration)) == []
    kept = [block for block in configuration["deployments"] if block["name"] != "approve"]
    [shortages] = [block for block in kept if block["name"] == "shortages"]
    del shortages["triggers"][0]["name"]
    [skip] = [block for block in kept if block["name"] == "skip"]
    skip["triggers"][0]["parameters"]["keys"] = "{{ event.payload.keys }}"
    text = yaml.safe_dump(configuration | {"deployments": kept})
    assert check.operation_problems(text) == [
        "operation 'approve': has no deployment, so it cannot run from Prefect's UI",
        "shortages: a trigger has no name, so the automation cannot be understood",
        "skip: a trigger gives 'keys', which is no parameter of the flow",
    ]


def test_the_exit_status_is_1_if_there_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "prefect.yaml"
    written.write_text("deployments: []")
    monkeypatch.setattr(check, "PREFECT_YAML", written)
    assert check.main() == 1
    assert "declared but not named" in capsys.readouterr().out


def test_our_own_file_has_no_problem(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main() == 0, capsys.readouterr().out


def test_an_agent_that_takes_more_than_is_declared_is_a_problem() -> None:
    takes: dict[str, Takes | None] = {
        "train": {"cpu": 9.0, "gpus": 1.0},
        "ask": lambda _turn: {"tokens": 1},
        "see": None,
    }
    assert check.capacity_problems(takes, (Capacity("cpu", 8.0),)) == [
        "agent train takes 9 of 'cpu', and 8 are declared",
        "agent train takes 'gpus', which is not declared: unlimited",
    ]


async def test_capacities_are_applied_once_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    settings.cache_clear()
    declared = (Capacity("cpu", 2.0), Capacity("tokens", 10.0, window_seconds=60))
    assert await check.capacities_here(declared) == []  # there is no journal yet
    database = Database(settings().journal)
    await database.migrate()
    assert len(await check.capacities_here(declared)) == 2
    changes = ["set capacity cpu 2", "set capacity tokens 10 in 60 s", "set scale of queue orders"]
    scales = {"orders": ScaleBounds()}
    assert await apply_to_journal(database, declared, scales, keep=False) == changes
    assert await apply_to_journal(database, declared, scales) == changes
    assert await apply_to_journal(database, declared, scales) == []
    assert await apply_to_journal(database, declared[:1], {}) == [
        "remove capacity tokens 10 in 60 s, which is no longer declared",
        "remove scale of queue orders, which is no longer declared",
    ]
    assert await check.capacities_here(declared[:1]) == []
    await database.close()


def test_triggers_about_clouds_name_all_that_are_declared() -> None:
    text = check.PREFECT_YAML.read_text(encoding="utf-8")
    assert check.cloud_problems(text) == []
    [away, back] = check.cloud_problems(text, CLOUDS[:2])
    assert "'agent-flows: a cloud is away' is not about the clouds ['aws', 'gcp']" in away
    assert "a cloud is back" in back
