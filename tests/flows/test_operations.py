"""What people and schedules do about orders: each story through the operations, at real providers.

The flows' functions are called outside of Prefect, so no server is needed; after every story the
invariants of tests/invariants.py must hold.
"""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from agents.orders.validate import InvalidOrder
from agents.runtime.batch import KeyChanged
from agents.runtime.errors import IllegalTransition
from agents.runtime.journal.interventions import UnknownItem
from agents.runtime.retries import instant_retries
from agents.runtime.settings import PREFIX, ROOT, settings
from flows import operations
from flows.stories import Listing
from tests.flows.shop import GOODS, Shop
from tests.prefect_server import PrefectServer

LEASE = 3
OUTAGE = "carriers.book:outage=1"
WHO: dict[str, Any] = {"by": "ann", "reason": "asked the carrier"}


async def outage(shop: Shop, count: int = 1) -> list[str]:
    """Orders that the carriers' outage has made dead letters: charged, held and not shipped."""
    with instant_retries():
        report = await shop.process(shop.orders(count), faults=OUTAGE)
    assert report.outcomes["dead-lettered"] == count
    return [shop.order_id(number) for number in range(count)]


async def ended(shop: Shop, key: str) -> tuple[str, str | None]:
    """State and outcome of an order."""
    (row,) = [row for row in (await shop.journal()).items.values() if row["key"] == key]
    return row["state"], row["outcome"]


def money(shop: Shop, key: str) -> tuple[int, int]:
    """What was taken for an order, and how much of it went back."""
    [payment] = shop.record.payments[key]
    return payment["received"], payment["refunded"]


async def reconcile() -> dict[str, int]:
    listing = await operations.reconcile.fn()
    return {row["what"]: int(row["items"]) for row in listing.table}


async def test_replayed_after_the_outage_an_order_is_shipped_and_charged_once(shop: Shop) -> None:
    first, second = await outage(shop, 2)
    listed = await operations.dead_letters.fn()
    assert sorted(row["item"] for row in listed.table) == sorted([first, second])
    assert {row["agent"] for row in listed.table} == {"book_shipment"}
    assert (await operations.dead_letters.fn(agent="issue_stock")).table == []

    assert (await operations.replay.fn(**WHO, keys=[first, first], per_minute=6_000)).table == [
        {"outcome": "shipped", "items": "1"}
    ]
    assert [row["item"] for row in (await operations.dead_letters.fn()).table] == [second]
    assert (await operations.replay.fn(**WHO, keys=[first])).title == "0 replayed"
    assert (await operations.replay.fn(**WHO, agent="issue_stock")).title == "0 replayed"
    assert (await operations.replay.fn(**WHO, per_minute=6_000)).title == "1 replayed"
    assert {await ended(shop, key) for key in (first, second)} == {("completed", "shipped")}
    assert {money(shop, key) for key in (first, second)} == {(1_999, 0)}
    again = await shop.process(shop.orders(2))
    assert again.reasons["already done"] == {"shipped": 2}


async def test_only_dead_letters_can_be_replayed_and_none_before_all_are_known(shop: Shop) -> None:
    [key] = await outage(shop)
    await shop.process([shop.order(9)])
    with pytest.raises(UnknownItem, match="orders has no item 'typo'"):
        await operations.replay.fn(**WHO, keys=[key, "typo"])
    with pytest.raises(IllegalTransition, match="is completed: 'replay'"):
        await operations.replay.fn(**WHO, keys=[key, shop.order_id(9)])
    assert (await operations.replay.fn(**WHO, keys=[key], agent="other")).title == "0 replayed"
    again = await shop.process(shop.orders(1))
    assert again.reasons["already done"] == {"dead_lettered": 1}
    await operations.discard.fn(key, **WHO)
    with pytest.raises(IllegalTransition, match="is failed: 'replay'"):
        await operations.replay.fn(**WHO, keys=[key])


@pytest.mark.parametrize("verdict,outcome", [("approve", "shipped"), ("reject", "rejected")])
async def test_a_risky_order_goes_as_decided(shop: Shop, verdict: str, outcome: str) -> None:
    key = shop.order_id(1)
    await shop.process([shop.order(1, price=700_000)])
    [row] = (await operations.waiting_items.fn()).table
    assert (row["item"], row["asks"][:7]) == (key, "risk 70")

    done = await operations.decide.fn(key, verdict, **WHO)  # type: ignore[arg-type]  # parametrised

    assert done.title == f"orders {key}: {outcome}"
    assert (await operations.waiting_items.fn()).table == []
    assert len(shop.record.shipments) == (1 if verdict == "approve" else 0)
    told = await operations.show_item.fn(key)
    assert WHO["reason"] in next(row["detail"] for row in told.table if row["event"] == "decide")
    with pytest.raises(IllegalTransition, match="'decide' is not allowed"):
        await operations.decide.fn(key, "approve", **WHO)


async def test_cancelled_while_it_waits_an_order_costs_nothing(shop: Shop) -> None:
    await shop.process([shop.order(1, price=700_000)])
    done = await operations.cancel.fn(shop.order_id(1), by="ann", reason="changed my mind")
    assert done.title == f"orders {shop.order_id(1)}: rejected"
    assert await ended(shop, shop.order_id(1)) == ("cancelled", "rejected")
    assert not shop.record.payments


@pytest.mark.slow
@pytest.mark.usefixtures("_short_lease")
async def test_cancelled_after_the_money_was_taken_it_is_refunded_and_released(shop: Shop) -> None:
    key = shop.order_id(1)
    process = killed_at_the_carrier(shop, [shop.order(1)])
    assert money(shop, key) == (1_999, 0)
    assert process.returncode == -signal.SIGKILL

    done = await operations.cancel.fn(key, by="ann", reason="changed my mind")

    assert done.title == f"orders {key}: refunded"
    assert await ended(shop, key) == ("cancelled", "refunded")
    assert money(shop, key) == (1_999, 1_999)
    assert shop.record.goods[shop.sku("lamp")]["on_hand"] == GOODS["lamp"][0]
    assert "booked" not in {parcel["status"] for parcel in shop.record.shipments[key]}


@pytest.mark.slow
@pytest.mark.usefixtures("_short_lease")
async def test_reconciling_finishes_what_a_killed_process_left(shop: Shop) -> None:
    killed_at_the_carrier(shop, [shop.order(1), shop.order(2, "anvil"), shop.order(3)])
    await asyncio.sleep(LEASE)

    found = await reconcile()

    assert (found["shipped"], found["refunded"]) == (2, 1)
    assert await reconcile() == {}
    assert shop.record.messages.total() == 3


async def test_reconciling_rejects_what_nobody_decides(shop: Shop) -> None:
    await shop.process([shop.order(1, price=700_000)])
    first = await operations.reconcile.fn(escalate_after_hours=0, reject_after_hours=0)
    second = await operations.reconcile.fn(escalate_after_hours=0, reject_after_hours=0)
    assert [row["what"] for row in first.table] == ["escalated"]
    assert [row["what"] for row in second.table] == ["rejected", "rejected by time-out"]
    assert await ended(shop, shop.order_id(1)) == ("failed", "rejected")


async def test_a_mended_order_is_checked_and_goes_where_it_is_now_sent(shop: Shop) -> None:
    [key] = await outage(shop)
    body = shop.order(0)
    elsewhere = body | {"address": body["address"] | {"city": "Elko", "postal_code": "89801"}}
    with pytest.raises(KeyChanged, match="is of 'another'"):
        await operations.mend.fn(key, elsewhere | {"order_id": "another"}, **WHO)
    with pytest.raises(InvalidOrder, match="total"):
        await operations.mend.fn(key, elsewhere | {"total": 1}, **WHO)
    await operations.mend.fn(key, elsewhere, **WHO)
    assert (await operations.replay.fn(**WHO, keys=[key])).title == "1 replayed"
    told = await operations.show_item.fn(key)
    assert told.title == f"orders {key}: shipped"
    assert any("Elko" in line for line in told.lines)
    assert "dead letter (replayed)" in "\n".join(told.lines)
    again = await shop.process(shop.orders(1))
    assert (again.reasons["already done"], again.outcomes["rejected"]) == ({"shipped": 1}, 0)


async def test_old_letters_are_reported_by_every_reconciliation(shop: Shop) -> None:
    await outage(shop, 2)
    assert await reconcile() == {}
    listing: Listing = await operations.reconcile.fn(letter_limit_hours=0)
    assert listing.table == [{"scenario": "orders", "what": "old letters", "items": "2"}]


@pytest.fixture
def _short_lease(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(f"{PREFIX}LEASE_SECONDS", str(LEASE))
    settings.cache_clear()
    yield
    settings.cache_clear()


def killed_at_the_carrier(shop: Shop, bodies: list[dict[str, object]]) -> subprocess.Popen[bytes]:
    """Run the flow in a process of its own, and kill it while it books the parcels."""
    arguments = [shop.write(bodies), shop.report, shop.stock, "carriers.book:slow=1"]
    command = [sys.executable, "-m", "tests.flows.run_orders", *arguments]
    until = time.monotonic() + 60
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as running:
        while not all(met_the_carrier(shop, str(body["order_id"])) for body in bodies):
            assert running.poll() is None
            assert time.monotonic() < until
            time.sleep(0.002)
        running.kill()
    return running


def met_the_carrier(shop: Shop, key: str) -> bool:
    """Whether the order is paid, and its parcel perhaps booked."""
    return bool(shop.ask("SELECT n FROM calls WHERE key LIKE ?", f"%:{key}:book_shipment:%"))


@pytest.fixture
def terminal(
    prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line, run to its end with these arguments."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv(f"{PREFIX}CONCURRENCY", "local")  # no limits are made on this server
    return partial(prefect_server.run, sys.executable, "-m", "flows.operations")


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_person_mends_and_replays_in_the_terminal(
    shop: Shop, terminal: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    [key] = await outage(shop)
    who = ("--by", "ann", "--reason", "asked the carrier")
    body = json.dumps(shop.order(0, payment_method="pm_card_mastercard"))

    listed = terminal("dead-letters")
    mended = terminal("mend", "--key", key, "--body", body, *who)
    replayed = terminal("replay", "--keys", key, *who)
    shown = terminal("show", "--key", key)

    assert (listed.returncode, key in listed.stdout) == (0, True), listed.stderr
    assert (mended.returncode, "is mended" in mended.stdout) == (0, True), mended.stderr
    assert (replayed.returncode, "1 replayed" in replayed.stdout) == (0, True), replayed.stderr
    assert f"orders {key}: shipped" in shown.stdout
    assert "pm_card_mastercard" in shown.stdout.replace("\n", "")


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.usefixtures("shop")
def test_what_is_wrong_is_said_in_the_terminal_with_status_2(
    terminal: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    who = ("--by", "ann", "--reason", "why not")
    for arguments, words in {
        ("show", "--key", "none"): "error: orders has no item 'none'",
        ("mend", "--key", "x", "--body", "{}", *who): "error: order refused: order_id (missing)",
        ("mend", "--key", "x", "--body", "{", *who): "Must be JSON",
        ("decide", "--key", "x", "--verdict", "maybe", *who): '"approve", "reject"',
        ("decide", "--key", "x", "--verdict", "approve", "--by", "", "--reason", "y"): "1 to 100",
        ("dead-letters", "--most", "0"): "Must be >= 1",
    }.items():
        told = terminal(*arguments)
        assert told.returncode == 2, (arguments, told.stderr)
        assert words in told.stderr, arguments
        assert "Traceback" not in told.stderr
        assert "pydantic" not in told.stderr


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_commands_tell_what_they_do(
    terminal: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    names = [
        "cancel",
        "dead-letters",
        "decide",
        "discard",
        "mend",
        "prune",
        "reconcile",
        "replay",
        "show",
        "waiting",
    ]
    shown = terminal("--help")
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in names)
    told = terminal("replay", "--help")
    assert (told.returncode, "At most so many a minute" in told.stdout) == (0, True), told.stderr
