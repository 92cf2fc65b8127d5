"""Webhook events reach real servers that misbehave: signed, in order, at least once, none lost."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from standardwebhooks import Webhook

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.journal import Journal
from agents.runtime.journal import webhook_endpoints as endpoints
from agents.runtime.journal.webhook_deliveries import DeliveryStatus, forget_old
from agents.runtime.journal.webhook_endpoints import EndpointAct, Issued, NewEndpoint
from agents.runtime.settings import Settings
from agents.services.fetching.posting import Poster
from agents.workflow.webhook_delivery import DELAYS, Sender
from tests.agents.workflow.webhook_items import end_orders
from tests.agents.workflow.webhook_receiver import OK, Receiver, receiving
from tests.clocks import DatabaseClock

DAY = 86_400.0


@pytest.fixture
async def opened(
    database_clock: DatabaseClock, journal_settings: Settings
) -> AsyncIterator[Runtime]:
    async with open_runtime(journal_settings) as opened:
        yield opened


@pytest.fixture
def journal(opened: Runtime) -> Journal:
    return opened.journal


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def sender(journal: Journal, receiver: Receiver) -> Sender:
    return Sender(journal.database, Poster(frozenset({receiver.host}), seconds=0.5))


async def registered(
    journal: Journal, receiver: Receiver, path: str = "/ok", *events: str
) -> Issued:
    return await endpoints.create(
        journal, NewEndpoint(receiver.url(path), events or ("orders.*",)), "ann"
    )


def act(issued: Issued) -> EndpointAct:
    return EndpointAct(issued.endpoint.id, "ann", "not now")


async def statuses(journal: Journal, issued: Issued) -> list[DeliveryStatus]:
    page = await endpoints.page_of_deliveries(journal, issued.endpoint.id, None, None, 100)
    return [delivery.status for delivery in reversed(page)]


async def answers(journal: Journal, issued: Issued) -> list[tuple[int | None, str]]:
    """What the attempts of the newest delivery came to."""
    [newest] = await endpoints.page_of_deliveries(journal, issued.endpoint.id, None, None, 1)
    name = issued.endpoint.id
    _, made = await endpoints.delivery_with_attempts(journal, name, newest.id)
    return [(one.status, one.answer) for one in made]


async def test_an_event_is_signed_and_says_how_the_item_stands(
    opened: Runtime, journal: Journal, receiver: Receiver, sender: Sender
) -> None:
    issued = await registered(journal, receiver)
    await end_orders(opened, "W/1 é")
    await sender.deliver_due()
    [got] = receiver.received
    event = Webhook(issued.secret).verify(got.body, got.headers)
    assert event["type"] == "orders.ended"
    assert event["data"] == {
        "workflow": "orders",
        "key": "W/1 é",
        "state": "completed",
        "outcome": "shipped",
        "sequence": 3,
        "item": "/v/orders/W/1%20%C3%A9",
    }
    assert await statuses(journal, issued) == ["delivered"]
    await sender.deliver_due()
    assert len(receiver.received) == 1


async def test_an_endpoint_gets_events_in_the_api_version_it_is_pinned_to(
    opened: Runtime, journal: Journal, receiver: Receiver, sender: Sender
) -> None:
    def shout(version: str, workflow: str, data: dict[str, object]) -> dict[str, object]:
        return data | {"outcome": f"{data['outcome']} in {version} of {workflow}"}

    sender = replace(sender, convert=shout)
    new = NewEndpoint(receiver.url("/ok"), ("orders.*",), "", "2026-11-22")
    issued = await endpoints.create(journal, new, "ann")
    await end_orders(opened, "W1")
    await sender.deliver_due()
    [got] = receiver.received
    event = Webhook(issued.secret).verify(got.body, got.headers)
    assert event["data"]["outcome"] == "shipped in 2026-11-22 of orders"
    assert got.headers["agent-flows-version"] == "2026-11-22"


async def test_a_change_that_is_rolled_back_announces_nothing(
    opened: Runtime, journal: Journal, receiver: Receiver, sender: Sender
) -> None:
    issued = await registered(journal, receiver)
    with pytest.raises(OSError, match="the disk is full"):
        await end_orders(opened, "W1", before_commit=OSError("the disk is full"))
    await sender.deliver_due()
    assert await statuses(journal, issued) == []
    assert receiver.received == []


async def test_only_what_an_endpoint_of_the_tenant_wants_is_written(
    opened: Runtime, journal: Journal, receiver: Receiver, sender: Sender
) -> None:
    other = replace(journal, tenant="other")
    await registered(other, receiver, "/ok", "orders.ended")
    await registered(journal, receiver, "/ok", "turns.ended", "orders.dead-lettered")
    off = await registered(journal, receiver)
    await endpoints.disable(journal, act(off))
    await end_orders(opened, "W1", park=True)
    await sender.deliver_due()
    assert receiver.received == []
    assert await statuses(journal, off) == []


async def test_the_events_of_an_item_arrive_one_after_the_other(
    opened: Runtime,
    journal: Journal,
    receiver: Receiver,
    sender: Sender,
    database_clock: DatabaseClock,
) -> None:
    issued = await registered(journal, receiver, "/broken")
    await end_orders(opened, "W1", park=True)
    await sender.deliver_due()
    assert [one.event["type"] for one in receiver.received] == ["orders.waiting"]
    receiver.answers["/broken"] = OK
    await database_clock.set(10)
    await sender.deliver_due()
    kinds = [one.event["type"] for one in receiver.received]
    assert kinds == ["orders.waiting", "orders.waiting", "orders.decided", "orders.ended"]
    numbers = [one.event["data"]["sequence"] for one in receiver.received]
    assert numbers == sorted(numbers)
    first, second, *_ = [one.id for one in receiver.received]
    assert first == second, "the same event keeps its id"
    assert set(await statuses(journal, issued)) == {"delivered"}


@pytest.mark.parametrize(
    "path, status, answer",
    [
        ("/broken", 500, "we are\ufffd sorry"),
        ("/silent", None, "no answer within 0.5 s"),
        ("/metadata", 302, ""),
        ("/busy", 503, ""),
    ],
)
async def test_a_failure_is_listed_and_tried_again(
    opened: Runtime,
    journal: Journal,
    receiver: Receiver,
    sender: Sender,
    database_clock: DatabaseClock,
    path: str,
    status: int | None,
    answer: str,
) -> None:
    issued = await registered(journal, receiver, path)
    await end_orders(opened, "W1")
    await sender.deliver_due()
    assert await answers(journal, issued) == [(status, answer)]
    assert await statuses(journal, issued) == ["waiting"]
    await database_clock.set(10)
    await sender.deliver_due()
    assert len(receiver.received) == (1 if path == "/busy" else 2), "it asked to wait for 120 s"


@pytest.mark.parametrize("path", ["/huge", "/slow", "/cut"])
async def test_a_status_counts_whatever_its_body_is(
    opened: Runtime, journal: Journal, receiver: Receiver, sender: Sender, path: str
) -> None:
    sender.poster = replace(sender.poster, seconds=5.0)
    issued = await registered(journal, receiver, path)
    await end_orders(opened, "W1")
    await sender.deliver_due()
    assert await statuses(journal, issued) == ["delivered"]
    [(status, answer)] = await answers(journal, issued)
    assert (status, len(answer) <= 1_000) == (200, True)


async def test_after_a_day_it_is_a_dead_letter_and_its_endpoint_is_disabled(
    opened: Runtime,
    journal: Journal,
    receiver: Receiver,
    sender: Sender,
    database_clock: DatabaseClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    issued = await registered(journal, receiver, "/broken")
    await end_orders(opened, "W1", "W2")
    for delay in (0.0, *DELAYS):
        await database_clock.set(delay * 1.2)
        await sender.deliver_due()
    assert await statuses(journal, issued) == ["dead", "dead"]
    assert len(receiver.received) == 2 * (1 + len(DELAYS))
    found = await endpoints.one_of(journal, issued.endpoint.id)
    assert (found.enabled, found.disabled_because) == (False, "nothing has arrived for a day")

    receiver.answers["/broken"] = OK
    await endpoints.enable(journal, act(issued))
    assert await endpoints.redeliver_dead(journal, act(issued)) == 2
    await sender.deliver_due()
    assert await statuses(journal, issued) == ["delivered", "delivered"]
    assert len({one.id for one in receiver.received}) == 2


async def test_one_event_that_fails_does_not_disable_its_endpoint(
    opened: Runtime,
    journal: Journal,
    receiver: Receiver,
    sender: Sender,
    database_clock: DatabaseClock,
) -> None:
    issued = await registered(journal, receiver, "/picky")
    await end_orders(opened, "bad")
    for number, delay in enumerate((0.0, *DELAYS)):
        await database_clock.set(delay * 1.2)
        await end_orders(opened, f"good-{number}")
        await sender.deliver_due()
    found = await statuses(journal, issued)
    assert (found[0], set(found[1:])) == ("dead", {"delivered"})
    assert (await endpoints.one_of(journal, issued.endpoint.id)).enabled


async def test_who_is_gone_is_asked_no_more(
    opened: Runtime, journal: Journal, receiver: Receiver, sender: Sender
) -> None:
    issued = await registered(journal, receiver, "/gone")
    await end_orders(opened, "W1")
    await sender.deliver_due()
    await end_orders(opened, "W2")
    await sender.deliver_due()
    assert await statuses(journal, issued) == ["dead"]
    found = await endpoints.one_of(journal, issued.endpoint.id)
    assert found.disabled_because == "it answered 410 Gone"


async def test_both_secrets_sign_for_a_day_after_a_rotation(
    opened: Runtime,
    journal: Journal,
    receiver: Receiver,
    sender: Sender,
    database_clock: DatabaseClock,
) -> None:
    first = await registered(journal, receiver)
    second = await endpoints.rotate(journal, act(first))
    await end_orders(opened, "W1")
    await sender.deliver_due()
    await database_clock.set(DAY)
    await end_orders(opened, "W2")
    await sender.deliver_due()
    during, after = receiver.received
    for secret in (first.secret, second.secret):
        Webhook(secret).verify(during.body, during.headers)
    assert len(during.headers["webhook-signature"].split()) == 2
    assert len(after.headers["webhook-signature"].split()) == 1
    Webhook(second.secret).verify(after.body, after.headers)


async def test_two_senders_share_what_is_due(
    opened: Runtime, journal: Journal, receiver: Receiver, sender: Sender
) -> None:
    await registered(journal, receiver)
    await end_orders(opened, *(f"W{n}" for n in range(40)))
    other = Sender(journal.database, sender.poster)
    await sender._look(opened.stop)
    await other.deliver_due()
    await sender._finish(10)
    assert len(receiver.received) == 40
    assert len({one.id for one in receiver.received}) == 40


async def test_an_address_inside_is_never_connected_to(
    opened: Runtime, journal: Journal, receiver: Receiver
) -> None:
    issued = await registered(journal, receiver)
    await end_orders(opened, "W1")
    await Sender(journal.database, Poster()).deliver_due()
    assert receiver.received == []
    assert await answers(journal, issued) == [(None, "the URL is not allowed (rule scheme)")]


async def test_what_is_old_is_forgotten(
    opened: Runtime,
    journal: Journal,
    receiver: Receiver,
    sender: Sender,
    database_clock: DatabaseClock,
) -> None:
    issued = await registered(journal, receiver)
    await end_orders(opened, "W1")
    await sender.deliver_due()
    await database_clock.set(29 * DAY)
    assert await forget_old(journal.database) == 0
    await database_clock.set(2 * DAY)
    assert await forget_old(journal.database) == 1
    assert await statuses(journal, issued) == []
