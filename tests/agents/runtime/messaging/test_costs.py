"""What a question and a message cost in commits, statements and round trips: counts, not times."""

from typing import Any

import pytest
from sqlalchemy import event

from agents.runtime.context import Runtime
from agents.runtime.messaging import Delivery, answer, subscribe
from agents.runtime.redis.client import RedisClient
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import commits
from tests.agents.runtime.messaging.mailbox import (
    ADDING,
    NEWS,
    Note,
    Sum,
    eventually,
    serving_bus,
)

TIMES = 50
BESIDE = 20  # what the bus does meanwhile by the clock: relay, mark, sweep
ON_SQLITE = pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)


class Costs:
    """Counts from its beginning on."""

    def __init__(self, opened: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
        self._engine = opened.journal.database.engine.sync_engine
        self._statements = self._trips = 0
        self._commits = commits()
        event.listen(self._engine, "before_cursor_execute", self._statement)
        run: Any = RedisClient.run

        async def counted(*given: Any) -> Any:
            self._trips += 1
            return await run(*given)

        monkeypatch.setattr(RedisClient, "run", counted)

    def _statement(self, *_: object) -> None:
        self._statements += 1

    def each(self) -> tuple[int, int, int]:
        """Commits, statements and round trips to Redis for each of `TIMES`."""
        event.remove(self._engine, "before_cursor_execute", self._statement)
        counted = (commits() - self._commits, self._statements, self._trips)
        commits_, statements, trips = (max(0, int(n) - BESIDE) // TIMES + 1 for n in counted)
        return commits_, statements, trips


@ON_SQLITE
async def test_a_question_and_its_answer_are_two_commits_five_statements_and_three_round_trips(
    opened: Runtime, journal_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    @answer(ADDING)
    async def add(note: Note) -> Sum:
        return Sum(total=note.n + 1)

    async with serving_bus(journal_settings, add) as bus:
        await bus.request(ADDING, Note(n=0), correlation="first", seconds=10)
        costs = Costs(opened, monkeypatch)
        for n in range(TIMES):
            await bus.request(ADDING, Note(n=n), correlation=f"{n}", seconds=10)
        assert costs.each() == (2, 5, 3)


@pytest.mark.parametrize("journal_url", ["postgresql"], indirect=True)
async def test_a_question_and_its_answer_are_three_round_trips_to_postgresql(
    opened: Runtime, journal_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One for each end, which is its commit, and one to look whether the question is ours and due."""

    @answer(ADDING)
    async def add(note: Note) -> Sum:
        return Sum(total=note.n + 1)

    asked = list[str]()

    async def log(driver: Any) -> None:
        driver.add_query_logger(lambda query: asked.append(query.query))

    await opened.journal.database.close()  # new connections are logged
    engine = opened.journal.database.engine.sync_engine
    event.listen(engine, "connect", lambda made, _: made.run_async(log))
    async with serving_bus(journal_settings, add) as bus:
        await bus.request(ADDING, Note(n=0), correlation="first", seconds=10)
        costs = Costs(opened, monkeypatch)
        asked.clear()
        for n in range(TIMES):
            await bus.request(ADDING, Note(n=n), correlation=f"{n}", seconds=10)
        assert costs.each() == (2, 3, 3)
        assert len(asked) <= 3 * TIMES + BESIDE


@ON_SQLITE
async def test_messages_that_come_together_share_look_ups_and_commits(
    opened: Runtime, journal_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    @subscribe(NEWS, "counts", concurrency=TIMES)
    async def listen(note: Note, _: Delivery) -> None:
        seen.append(note.n)

    async with serving_bus(journal_settings, listen) as bus:
        await bus.publish(NEWS, Note(n=-1))
        await eventually(lambda: len(seen) == 1)
        costs = Costs(opened, monkeypatch)
        async with bus.transaction() as transaction:
            for n in range(TIMES):
                await transaction.publish(NEWS, Note(n=n))
        await eventually(lambda: len(seen) == TIMES + 1)
        assert costs.each() == (1, 1, 1)
