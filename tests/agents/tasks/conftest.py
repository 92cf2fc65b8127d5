"""A journal for each test of tasks, and files of workflows."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.runtime.settings import settings
from agents.tasks import run
from tests.databases import stop_telemetry

Written = Callable[[dict[str, Any]], str]


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, journal_url: str
) -> Iterator[None]:
    """Settings of this process, from its environment."""
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", journal_url)
    monkeypatch.setattr(run, "IDLE", 0.05)  # a run ends so much later than its last task
    settings.cache_clear()
    yield
    settings.cache_clear()
    stop_telemetry()


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Writes a workflow into a file; returns its path."""

    def write(body: dict[str, Any]) -> str:
        path = tmp_path / "workflow.json"
        path.write_text(json.dumps(body), "utf-8")
        return str(path)

    return write
