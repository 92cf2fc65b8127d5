"""Runs over hosts that refuse for a time: the others are collected, and the next run tries again."""

import json
from pathlib import Path

import pytest

from agents.analysis.report import AnalysisReport
from agents.analysis.study_store import StudyStore
from agents.runtime.settings import settings
from flows.data_analysis import analyse
from tests.agents.services.fetching.strict_host import Host, Served, hosting

pytestmark = pytest.mark.slow

CONTRACT = {
    "name": "readings",
    "time": "at",
    "columns": {"at": {"type": "time", "required": True}, "n": {"type": "integer"}},
    "collect": {"missing": "keep"},
}


def rows(first: int, many: int) -> bytes:
    lines = [f"2025-01-{day:02},{day}" for day in range(first, first + many)]
    return "\n".join(["at,n", *lines, ""]).encode()


async def run(tmp_path: Path, host: Host) -> AnalysisReport:
    contract = tmp_path / "contract.json"
    contract.write_text(json.dumps(CONTRACT), encoding="utf-8")
    return await analyse.fn((host.url("/a"), host.url("/b.csv")), str(contract))


def published() -> dict[str, int]:
    dataset = StudyStore("readings").published()
    assert dataset is not None
    return {part.name: part.rows for part in dataset.parts}


async def test_what_is_refused_for_a_time_stays_as_it_was_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("agents.services.fetching.fetcher.PAUSE", 0.01)
    with hosting() as host:
        monkeypatch.setenv("AGENT_FLOWS_FETCH_ALLOWED", f'["{host.host}"]')
        settings.cache_clear()
        host.documents |= {
            "/a": Served(rows(1, 3), etag='W/"a"', head=405),
            "/b.csv": Served(rows(4, 3), etag='"b"'),
        }
        first = await run(tmp_path, host)
        assert (first.processed, published(), host.bodies()) == (2, {"a": 3, "b": 3}, 2)
        again = await run(tmp_path, host)
        assert (again.processed, again.status(), host.bodies()) == (0, 0, 2)

        # The host of one refuses to say anything: the other is collected.
        host.documents["/a"] = Served(rows(1, 2), etag='"a2"')
        host.documents["/b.csv"].refusals = [(503, {"Retry-After": "0"})] * 6
        refused = await run(tmp_path, host)
        assert published() == {"a": 2, "b": 3}
        assert "asked to slow down (503)" in refused.failures["readings/b"]
        assert (refused.published, refused.status()) != (first.published, 0)

        # It says that there is a new version, and does not give it: that becomes a dead letter.
        host.documents["/b.csv"] = Served(rows(4, 4), etag='"b2"', status=500)
        given_up = await run(tmp_path, host)
        assert published() == {"a": 2, "b": 3}
        assert "status 500" in given_up.failures["readings/b"]

        host.documents["/b.csv"].status = 200
        healed = await run(tmp_path, host)
        assert (healed.failures, published()) == ({}, {"a": 2, "b": 4})
    settings.cache_clear()
