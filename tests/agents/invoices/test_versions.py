"""Version 2 of invoice approval asks first; both versions run side by side, by the commands of people."""

from typing import Any

import pytest

from agents.invoices.ask_approval import LIMIT
from agents.runtime.context import open_runtime
from agents.runtime.journal.operator_actions import OperatorAction, decide
from agents.runtime.journal.rollouts import RolloutRefused
from agents.runtime.settings import settings
from flows.operations.resume import act_and_resume
from flows.operations.versions import promote, roll_back, rollout, versions
from tests.agents.invoices.conftest import Office

DEAR = 100 * LIMIT + 1
ANN: dict[str, Any] = {"by": "ann", "reason": "asks before it books", "scenario": "invoices"}


async def decided(office: Office, number: int, *, approved: bool) -> str:
    action = OperatorAction("invoices", f"{office.name}-{number}", "ann", "asked the supplier")
    done = await act_and_resume(action, lambda journal: decide(journal, action, approved=approved))
    return done.title.rpartition(" ")[2]


async def table() -> list[tuple[str, str, str]]:
    listing = await versions.fn("invoices")
    return [(row["version"], row["role"], row["begun"]) for row in listing.table]


async def test_each_invoice_stays_with_the_version_that_began_it(office: Office) -> None:
    await office.approve(office.invoice(1, total=DEAR), office.invoice(2, total=DEAR))
    await rollout.fn(2, **ANN, share=100.0)
    await office.approve(*(office.invoice(n, total=DEAR) for n in (1, 2, 3, 4)))
    assert office.entries() == {office.key(1): "open", office.key(2): "open"}, "3 and 4 ask first"
    assert await table() == [("1", "current", "2"), ("2", "candidate", "2")]

    assert [await decided(office, n, approved=True) for n in (1, 3)] == ["approved", "approved"]
    assert [await decided(office, n, approved=False) for n in (2, 4)] == ["refused", "refused"]

    assert office.entries() == {
        office.key(1): "open",
        office.key(2): "closed",
        office.key(3): "open",
    }, "the rejected invoice of version 1 is reversed, that of version 2 was never booked"
    assert office.calls("books.make") == 3
    assert await table() == [("1", "current", "0"), ("2", "candidate", "0")]


async def test_a_promotion_and_a_roll_back_are_one_command_each(office: Office) -> None:
    with pytest.raises(RolloutRefused, match="there was none yet"):
        await promote.fn(**ANN)
    begun = await rollout.fn(2, **ANN, tenants=["shop-a"])
    assert "all items of these tenants begin with it: shop-a" in begun.lines
    promoted = await promote.fn(**ANN)
    assert promoted.title == (
        "invoices: new items begin with version 2, items of version 1 are finished by it"
    )
    await office.approve(office.invoice(1, total=DEAR))
    assert office.entries() == {}
    await roll_back.fn(**ANN)
    await office.approve(office.invoice(2, total=DEAR))
    assert office.entries() == {office.key(2): "open"}
    assert await table() == [("1", "current", "1"), ("2", "draining", "1")]
    async with open_runtime(settings()):
        assert [await decided(office, n, approved=True) for n in (1, 2)] == ["approved"] * 2
    assert await table() == [("1", "current", "0"), ("2", "drained", "0")]
