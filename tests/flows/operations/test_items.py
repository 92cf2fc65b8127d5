"""What people and schedules do about orders: each story through the operations, at real providers.

The flows' functions are called outside of Prefect, so no server is needed; after every story the
invariants of tests/invariants.py must hold.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import pytest

from agents.runtime.settings import PREFIX
from flows.cli.reports import Listing
from flows.operations.recovery import recover
from tests.flows.conftest import LEASE
from tests.flows.operating import ended, killed_at_the_carrier, outage
from tests.flows.shop import Shop
from tests.prefect_server import PrefectServer


async def recovered() -> dict[str, int]:
    listing = await recover.fn()
    return {row["what"]: int(row["items"]) for row in listing.table}


@pytest.mark.slow
@pytest.mark.usefixtures("short_lease")
async def test_reconciling_finishes_what_a_killed_process_left(shop: Shop) -> None:
    killed_at_the_carrier(shop, [shop.order(1), shop.order(2, "anvil"), shop.order(3)])
    await asyncio.sleep(LEASE)

    found = await recovered()

    assert (found["shipped"], found["refunded"]) == (2, 1)
    assert await recovered() == {}
    assert shop.record.messages.total() == 3


async def test_reconciling_rejects_what_nobody_decides(shop: Shop) -> None:
    await shop.process([shop.order(1, price=700_000)])
    first = await recover.fn(escalate_after_hours=0, reject_after_hours=0)
    second = await recover.fn(escalate_after_hours=0, reject_after_hours=0)
    assert [row["what"] for row in first.table] == ["escalated"]
    assert [row["what"] for row in second.table] == ["rejected", "rejected by time-out"]
    assert await ended(shop, shop.order_id(1)) == ("failed", "rejected")


async def test_old_letters_are_reported_by_every_reconciliation(shop: Shop) -> None:
    await outage(shop, 2)
    assert await recovered() == {}
    listing: Listing = await recover.fn(letter_limit_hours=0)
    assert listing.table == [{"scenario": "orders", "what": "old letters", "items": "2"}]


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
@pytest.mark.usefixtures("shop")
def test_what_is_wrong_is_said_in_the_terminal_with_status_2(
    terminal: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    who = ("--by", "ann", "--reason", "why not")
    for arguments, words in {
        ("show", "--key", "none"): "error: orders has no item 'none'",
        ("mend", "--key", "x", "--body", "{}", *who): "error: order refused: order_id (missing)",
        ("decide", "--key", "x", "--verdict", "maybe", *who): '"approve", "reject"',
    }.items():
        told = terminal(*arguments)
        assert told.returncode == 2, (arguments, told.stderr)
        assert words in told.stderr, arguments
        assert "Traceback" not in told.stderr
        assert "pydantic" not in told.stderr


@pytest.mark.slow
def test_the_commands_tell_what_they_do(
    terminal: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    names = [
        "cancel",
        "dead-letters",
        "decide",
        "discard",
        "edit",
        "mend",
        "prune",
        "reconcile",
        "recover",
        "replay",
        "restart",
        "show",
        "waiting",
    ]
    shown = terminal("--help")
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in names)
    told = terminal("replay", "--help")
    assert (told.returncode, "At most so many a minute" in told.stdout) == (0, True), told.stderr
