"""A pod waits until the schema that it needs is there."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.runtime.settings import settings
from deployments.kubernetes.await_schema import await_schema, main
from tests.prefect_server import PREFECT


@pytest.fixture(autouse=True)
def settings_of_the_test() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


async def test_without_the_schema_it_waits_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", f"sqlite+aiosqlite:///{tmp_path / 'journal.db'}")
    assert not await await_schema("journal", patience=0.0)
    assert "the database of journal" in capsys.readouterr().err


async def test_with_the_schema_it_ends_at_once(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", sqlite_url)
    assert await await_schema("journal", patience=0.0)


def test_an_unknown_schema_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["other"])
    assert "invalid choice" in capsys.readouterr().err


@pytest.mark.campaign
def test_it_knows_the_schema_of_the_installed_prefect(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}"
    own = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": url, "PREFECT_HOME": str(tmp_path)}
    environment = os.environ | own
    asked = [
        sys.executable,
        "-m",
        "deployments.kubernetes.await_schema",
        "prefect",
        "--seconds",
        "0",
    ]
    assert subprocess.run(asked, env=environment, check=False).returncode == 1
    upgrade = [*PREFECT, "server", "database", "upgrade", "-y"]
    subprocess.run(upgrade, env=environment, check=True, stdin=subprocess.DEVNULL)
    assert subprocess.run(asked, env=environment, check=False).returncode == 0
