"""Keys on the wire: two installations share an account, and a key that only brings failures is left."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from agents.runtime.names import installation_of
from agents.runtime.settings import settings
from agents.runtime.testing import instant_retries
from flows.operations.actions import replay
from flows.operations.reconciliation import reconcile
from tests.flows.operating import WHO, ended, money
from tests.flows.shop import DECLINED_CARD, Shop
from tests.invariants import read_record

pytestmark = pytest.mark.slow

PAYMENTS = "payments.open:{0}=1;payments.authorise:{0}=1;payments.capture:{0}=1"


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Shop], None]:
    """Let this process work with the journal of a shop."""

    def work_with(shop: Shop) -> None:
        monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", shop.journal_url)
        settings.cache_clear()

    return work_with


@pytest.mark.usefixtures("environment")
async def test_two_installations_with_the_same_orders_get_charges_of_their_own(
    providers: Path, journal_url: str, tmp_path: Path, use: Callable[[Shop], None]
) -> None:
    """Both share one account at each provider, tenant and order numbers too."""
    name, other = f"s{uuid4().hex[:8]}", f"sqlite+aiosqlite:///{tmp_path / 'other.db'}"
    both = [Shop(name, tmp_path, providers, url) for url in (journal_url, other)]
    for shop in both:
        use(shop)
        report = await shop.process([*shop.orders(3), shop.order(3, "anvil")])
        assert (report.outcomes["shipped"], report.outcomes["refunded"]) == (3, 1)
        assert report.captured == {"USD": 4 * 1_999}

    record = read_record(providers, name)
    for number in range(4):
        payments = record.payments[both[0].order_id(number)]
        kept = 0 if number == 3 else 1_999
        assert [p["received"] - p["refunded"] for p in payments] == [kept, kept]
        assert len({installation_of(p["reference"]) for p in payments}) == 2
    assert {len(parcels) for parcels in record.shipments.values()} == {2}
    assert record.goods[both[0].sku("lamp")]["shipped"] == 6
    assert set(record.messages.values()) == {1}
    assert len(record.messages) == 8
    for shop in both:
        use(shop)
        listing = await reconcile.fn(days=1, at_rest_minutes=0)
        assert [row for row in listing.table if name in str(row)] == []


@pytest.mark.parametrize("kind", ["failure", "error"])
async def test_stored_failures_of_a_payment_are_overcome(shop: Shop, kind: str) -> None:
    """Stripe repeats a status 500 under its key for ever, whether or not the work was done."""
    with instant_retries():
        report = await shop.process(shop.orders(2), faults=PAYMENTS.format(kind))

    assert shop.met(kind) == 6
    assert report.outcomes["shipped"] == 2
    assert {p["received"] for [p] in shop.record.payments.values()} == {1_999}
    generations = {
        row["agent"]: row["generation"]
        for rows in (await shop.journal()).effects.values()
        for row in rows
    }
    later = {agent for agent, generation in generations.items() if generation}
    steps = {"open_payment", "authorise_payment", "capture_payment"}
    assert later == (steps if kind == "failure" else set())


@pytest.mark.parametrize("kind", ["failure", "error"])
async def test_stored_failures_of_an_undo_are_overcome(shop: Shop, kind: str) -> None:
    orders = [shop.order(1, "anvil"), shop.order(2, payment_method=DECLINED_CARD)]
    with instant_retries():
        report = await shop.process(
            orders, faults=f"payments.cancel:{kind}=1;payments.refund:{kind}=1"
        )

    assert shop.met(kind) == 3  # the cancelling of both, and the refund of one
    assert (report.outcomes["refunded"], report.outcomes["rejected"]) == (1, 1)
    assert money(shop, shop.order_id(1)) == (1_999, 1_999)
    assert {p["status"] for [p] in shop.record.payments.values()} == {"succeeded", "canceled"}


async def test_a_dead_letter_with_a_spent_key_is_replayed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider could not be asked until all attempts were used."""
    order = shop.order_id(0)
    with instant_retries():
        await shop.process(shop.orders(1), "payments.capture:failure=1;payments.find:outage=1")
    assert await ended(shop, order) == ("dead_lettered", None)
    assert money(shop, order) == (0, 0)

    await replay.fn(keys=[order], **WHO)

    assert await ended(shop, order) == ("completed", "shipped")
    assert money(shop, order) == (1_999, 0)
    keys = shop.ask(
        "SELECT DISTINCT key FROM calls WHERE operation = 'payments.capture' AND key LIKE ?",
        f"%:{order}:%",
    )
    assert [key.rpartition(":")[2] for (key,) in keys] == ["0", "0.1"]
