"""A request acts once on the item that was seen, and those who follow the item see each event once."""

from dataclasses import replace

import pytest

from agents.runtime.context import Runtime
from agents.runtime.journal.item_feed import Feed, events_after, stand_of, steps_of, time_now
from agents.runtime.journal.operator_actions import (
    ChangedSince,
    DoneBefore,
    OperatorAction,
    Request,
    cancel,
    decide,
    mend,
    replay,
)
from agents.runtime.journal.queries import recent_history
from agents.runtime.journal.queue import Queue, claim_first
from agents.runtime.journal.schema import history
from agents.runtime.model.scenario import Correction
from tests.agents.runtime.jobs import JOBS, Job, Provider, dead_letter_rows, effect_of, rows, run
from tests.agents.runtime.journal.operators import (
    ONE,
    Question,
    action,
    at_once,
    plan_outage,
    the_item,
)

pytestmark = pytest.mark.usefixtures("no_waits")
REQUEST = Request("a" * 32, "b" * 32)


def asked(request: Request = REQUEST, sequence: int | None = None) -> OperatorAction:
    return replace(action(), request=request, sequence=sequence)


async def a_dead_letter(provider: Provider) -> None:
    plan_outage(provider)
    await run(ONE, effect_of(provider))


async def test_of_equal_requests_at_once_one_acts(opened: Runtime) -> None:
    await run(ONE, Question().agent)
    answers = await at_once(decide(opened.journal, asked(), approved=True) for _ in range(3))
    done = [answer for answer in answers if answer is None]
    others = [answer for answer in answers if isinstance(answer, DoneBefore)]
    assert (len(done), len(others)) == (1, 2)
    assert {error.sequence for error in others} == {(await the_item()).sequence}
    assert [row.event for row in await rows(history)].count("decide") == 1


async def test_an_item_that_has_changed_since_stays_as_it_is(opened: Runtime) -> None:
    await run(ONE, Question().agent)
    seen = (await the_item()).sequence
    await decide(opened.journal, action(), approved=True)
    with pytest.raises(ChangedSince, match=f"event {seen} was seen, event {seen + 1} is its last"):
        await cancel(opened.journal, asked(sequence=seen))
    assert (await the_item()).cancel_requested is False


async def test_a_request_that_is_not_unique_acts_again_once_something_has_happened(
    opened: Runtime,
) -> None:
    await run(ONE, Question().agent)
    pressed = replace(REQUEST, unique=False)
    await decide(opened.journal, asked(pressed), approved=True)
    with pytest.raises(DoneBefore):
        await decide(opened.journal, asked(pressed), approved=True)
    await cancel(opened.journal, action())
    await cancel(opened.journal, asked(pressed))
    assert [row.event for row in await rows(history)].count("cancel") == 2


async def test_an_edit_and_its_retry_are_one_transaction(
    opened: Runtime, provider: Provider
) -> None:
    await a_dead_letter(provider)
    body = Job(key="one", n=7).model_dump_json()
    both = [mend(opened.journal, asked(), Correction(JOBS, body), retry=True) for _ in range(2)]
    answers = await at_once(both)
    assert [type(answer) for answer in answers].count(DoneBefore) == 1
    assert [row.event for row in await rows(history)][-2:] == ["mend", "replay"]
    [letter] = await dead_letter_rows()
    assert (letter.status, (await the_item()).body) == ("replayed", body)


async def test_a_replay_that_waits_is_claimed_later(opened: Runtime, provider: Provider) -> None:
    await a_dead_letter(provider)
    assert await replay(opened.journal, action(), wait=3_000.0)
    assert await claim_first(opened.journal.database, opened.lease.id, Queue("jobs")) == []
    waits = (await the_item()).retry_at - await time_now(opened.journal)
    assert 2_900 < waits <= 3_000


async def test_the_recent_history_is_a_part_of_the_whole(
    opened: Runtime, provider: Provider
) -> None:
    await a_dead_letter(provider)
    first = await recent_history(opened.journal, "jobs", "one", 2)
    assert first is not None
    assert [row.event for row in first.history] == ["dead_letter", "claim"]
    assert (first.letter is not None, [row.agent for row in first.steps]) == (True, ["make"])
    last = await recent_history(opened.journal, "jobs", "one", 2, first.history[-1].sequence)
    assert last is not None
    assert [row.event for row in last.history] == ["accept"]
    assert await recent_history(replace(opened.journal, tenant="other"), "jobs", "one", 2) is None


async def test_an_item_is_followed_by_its_sequence(opened: Runtime, provider: Provider) -> None:
    await a_dead_letter(provider)
    now = await stand_of(opened.journal, "jobs", "one")
    assert now is not None
    assert (now.state, now.sequence, now.steps[0]) == ("dead_lettered", 3, 1)
    events = await events_after(opened.journal, now.id, 1)
    assert [(row.sequence, row.event) for row in events] == [(2, "claim"), (3, "dead_letter")]
    assert all(row.before <= row.at for row in events)
    assert [row.status for row in await steps_of(opened.journal, now.id)] == ["failed"]
    assert await stand_of(replace(opened.journal, tenant="other"), "jobs", "one") is None


async def test_a_feed_gives_each_event_once(opened: Runtime) -> None:
    feed = Feed(opened.journal, "jobs", 0.0)
    other = Feed(replace(opened.journal, tenant="other"), "jobs", 0.0)
    await run([Job(key="one"), Job(key="two")], Question().agent)
    given = [(event.key, event.kind) for event in await feed.read()]
    assert sorted(given) == [
        ("one", "accepted"),
        ("one", "waiting"),
        ("two", "accepted"),
        ("two", "waiting"),
    ]
    assert [await feed.read() for _ in range(20)] == [[]] * 20
    assert await other.read() == []
