"""A process whose journal on SQLite is deleted, moved or replaced stops before its next effect."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agents.runtime.context import open_runtime
from agents.runtime.execution.agent import EffectKey
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.database import JournalLost
from agents.runtime.model.policies import EFFECT, PURE
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import HOUR, Job, Made, Provider, effect_of, jobs, run
from tests.agents.runtime.journal.test_fair_queueing import next_keys, send


def removed(path: Path) -> None:
    path.unlink()


def moved(path: Path) -> None:
    path.rename(path.with_suffix(".old"))


def replaced_by_a_copy(path: Path) -> None:
    """As a backup that is put back: copied beside the journal, and renamed over it."""
    shutil.copyfile(path, path.with_suffix(".copy"))
    path.with_suffix(".copy").rename(path)


def without_its_wal(path: Path) -> None:
    Path(f"{path}-wal").unlink()


def without_its_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


LOSSES = [removed, moved, replaced_by_a_copy, without_its_wal, without_its_folder]
Lose = Callable[[Path], None]


@pytest.fixture
def settings(tmp_path: Path, migrated_sqlite: Path) -> Settings:
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copyfile(migrated_sqlite, folder / "journal.db")
    return Settings(data=folder, lease_seconds=1.0)


@pytest.mark.parametrize("lose", LOSSES)
async def test_no_effect_follows_when_the_journal_is_lost(settings: Settings, lose: Lose) -> None:
    provider = Provider()

    @agent(PURE)
    def lose_it(job: Job) -> Made:
        if job.n == 0:
            lose(settings.data / "journal.db")
        return Made(by="lose_it", n=job.n)

    async def work() -> None:
        async with open_runtime(settings):
            await run(jobs(20), lose_it, effect_of(provider))

    with pytest.raises(JournalLost, match="put the file and its -wal file back"):
        await work()
    assert provider.calls == []


@pytest.mark.parametrize("lose", LOSSES[:3])
async def test_effects_of_a_batch_stop_although_their_intents_are_written(
    settings: Settings, lose: Lose
) -> None:
    called: list[str] = []

    @agent(replace(EFFECT, concurrency=1), settle=HOUR)
    async def ship(job: Job, _key: EffectKey) -> Made:
        called.append(job.key)
        lose(settings.data / "journal.db")
        return Made(by="ship", n=job.n)

    async def work() -> None:
        async with open_runtime(settings):
            await run(jobs(20), ship)

    with pytest.raises(JournalLost):
        await work()
    assert len(called) == 1


@pytest.mark.parametrize("lose", LOSSES)
async def test_a_consumer_that_claims_stops(settings: Settings, lose: Lose) -> None:
    async def work() -> None:
        async with open_runtime(settings) as opened:
            await send(opened, "a", 1)
            lose(settings.data / "journal.db")
            await next_keys(opened, 1)

    with pytest.raises(JournalLost):
        await work()


@pytest.mark.parametrize("lose", LOSSES)
async def test_a_process_that_only_waits_stops_with_its_next_heartbeat(
    settings: Settings, lose: Lose
) -> None:
    async def work() -> None:
        async with open_runtime(settings), asyncio.timeout(5):
            lose(settings.data / "journal.db")
            await asyncio.Event().wait()

    with pytest.raises(JournalLost):
        await work()
    assert not (settings.data / "journal.db").exists() or lose in (
        replaced_by_a_copy,
        without_its_wal,
    )
