"""Consumers beside the gateway tell a person what they cannot process, once."""

import pytest

from agents.runtime.execution.slots import NoLimit
from deployments.gateway.consuming import Consumers, _cause


def test_workflows_without_their_packages_are_named_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    consumers = Consumers("")
    consumers.missing = {"turns": "support", "partitions": "analysis", "handovers": "support"}
    consumers._say_what_is_missing()
    consumers._say_what_is_missing()
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(": packages")[0] for line in said] == [
        "not processed here: partitions",
        "not processed here: turns, handovers",
    ]
    assert "uv sync --inexact --extra support" in said[1]


def test_why_they_failed_is_the_cause_and_not_its_group() -> None:
    inner = ExceptionGroup("inner", [NoLimit("inventory")])
    assert _cause(ExceptionGroup("outer", [inner])) == str(NoLimit("inventory"))
    assert _cause(ValueError("wrong")) == "ValueError: wrong"
