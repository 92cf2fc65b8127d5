"""Goods come back: their money is paid once, the customer hears of it, and providers and journal agree."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing

import pytest

from agents.orders.answers import ANSWERS
from agents.orders.returns import ArrivedGoods
from agents.orders.scenario import RETURNS
from agents.runtime.context import open_runtime
from agents.runtime.intake.enqueue import enqueue
from agents.runtime.journal.operator_actions import OperatorAction, decide
from agents.runtime.journal.queries import waiting
from agents.runtime.messaging import answering, ask
from agents.runtime.settings import PREFIX, settings
from agents.services import connect_services
from agents.shop.contracts import ACCOUNT, CHANGE, AccountQuestion, ChangeCommand, OrderView
from agents.shop.requests import Exchange, Request, Return
from flows.operations.reconciliation import reconcile
from flows.operations.resume import finish
from flows.workflows import WORKFLOWS
from tests.flows.shop import DECLINED_CARD, Shop

pytestmark = pytest.mark.slow
on_sqlite = pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)

PRICE, CHEAPER, DEARER, ANVIL = 1_999, 1_500, 2_400, 2_500


@pytest.fixture(autouse=True)
def goods(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lamp with a cheaper and a dearer variant, and a customer with a card that is declined."""
    variants = [("lamp", PRICE), ("cheap", CHEAPER), ("dear", DEARER), ("anvil", ANVIL)]
    rows = [
        {
            "sku": shop.sku(name),
            "product": "lamp",
            "name": name,
            "price": price,
            "options": {},
            "available": True,
        }
        for name, price in variants
    ]
    path = shop.folder / f"{shop.name}-goods.jsonl"  # files are read once, and folders come again
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    monkeypatch.setenv(f"{PREFIX}CATALOGUE", str(path))
    other = {"other": {"id": "other", "kind": "credit_card", "token": DECLINED_CARD}}
    path = shop.folder / f"{shop.name}-customers.jsonl"
    path.write_text(json.dumps({"customer": "c1", "methods": other}) + "\n", "utf-8")
    monkeypatch.setenv(f"{PREFIX}CUSTOMERS", str(path))
    settings.cache_clear()


async def asked(shop: Shop, *requests: Request) -> None:
    """Ship an order of two lamps for each request, and carry the requests out."""
    await shop.process([shop.order(n, quantity=2) for n in range(len(requests))])
    async with open_runtime(settings()), connect_services(settings()):
        with answering(ANSWERS):
            for n, request in enumerate(requests):
                accepted = await ask(
                    CHANGE, ChangeCommand(by=f"c{n}", turn=f"t#{n}", request=request)
                )
                assert accepted.change
            await finish(WORKFLOWS["changes"])


async def arrived(shop: Shop, number: int, *names: str, arrival: str = "") -> None:
    """The goods arrive, and the event comes twice."""
    pieces = tuple(map(shop.sku, names))
    goods = ArrivedGoods(order=shop.order_id(number), pieces=pieces, arrival=arrival)
    async with open_runtime(settings()), connect_services(settings()):
        for _ in range(2):
            await enqueue(RETURNS, goods.key, goods)
            await finish(WORKFLOWS["returns"])


async def approved(shop: Shop, number: int, approve: bool = True) -> str:
    """Approve or reject what the return waits for; returns what was asked."""
    async with open_runtime(settings()) as opened, connect_services(settings()):
        rows = await waiting(opened.journal, RETURNS.name)
        [reason] = [row.reason for row in rows if row.key == shop.order_id(number)]
        action = OperatorAction(RETURNS.name, shop.order_id(number), "ann", "paid by transfer")
        await decide(opened.journal, action, approved=approve)
        await finish(WORKFLOWS["returns"])
    return str(reason)


async def account_of(shop: Shop, number: int) -> OrderView:
    order = shop.order_id(number)
    async with open_runtime(settings()):
        with answering(ANSWERS):
            question = AccountQuestion(customer=f"c{number}", orders=(order,))
            return (await ask(ACCOUNT, question)).orders[order]


def back(shop: Shop, number: int, names: Sequence[str], method: str = "pm_card_visa") -> Return:
    return Return(order=shop.order_id(number), pieces=tuple(map(shop.sku, names)), method=method)


def exchange(shop: Shop, number: int, new: str, method: str = "pm_card_visa") -> Exchange:
    order, piece = shop.order_id(number), (shop.sku("lamp"),)
    return Exchange(order=order, pieces=piece, new=(shop.sku(new),), method=method)


def refunds(shop: Shop, number: int) -> list[int]:
    sql = "SELECT r.amount FROM refunds r JOIN payment_intents p ON p.id = r.payment_intent"
    return [n for (n,) in shop.ask(f"{sql} WHERE p.reference LIKE ?", f"%:{shop.order_id(number)}")]


def charged(shop: Shop, number: int, arrival: str = "") -> list[tuple[int, str]]:
    sql = "SELECT received, status FROM payment_intents WHERE reference LIKE ?"
    return shop.ask(sql, f"%:{shop.order_id(number)}{arrival and f':{arrival}'}:exchange")


def refunded_charges(shop: Shop, number: int) -> list[int]:
    sql = "SELECT r.amount FROM refunds r JOIN payment_intents p ON p.id = r.payment_intent"
    like = f"%:{shop.order_id(number)}:exchange"
    return [n for (n,) in shop.ask(f"{sql} WHERE p.reference LIKE ?", like)]


def set_stock(shop: Shop, name: str, pieces: int) -> None:
    """The warehouse has so many pieces on sale."""
    with closing(sqlite3.connect(shop.data / "sandbox.db")) as db, db:
        sql = "UPDATE stock SET initial = ?1 + reserved + shipped, on_hand = ?1 WHERE sku = ?2"
        assert db.execute(sql, (pieces, shop.sku(name))).rowcount == 1


def goods_of(shop: Shop, name: str) -> tuple[int, int, int]:
    """How many pieces are on sale, held and gone."""
    row = shop.record.goods[shop.sku(name)]
    return row["on_hand"], row["reserved"], row["shipped"]


def parcels(shop: Shop, number: int, arrival: str = "") -> list[str]:
    """The states of the bookings of an exchange's new goods."""
    key = f"{shop.order_id(number)}{arrival and f':{arrival}'}:exchange"
    return [row["status"] for row in shop.record.shipments.get(key, [])]


async def differences(shop: Shop) -> list[dict[str, str]]:
    """What reconciliation finds about this shop; others share its providers."""
    listing = await reconcile.fn(days=1, at_rest_minutes=0)
    return [row for row in listing.table if shop.name in row["item"]]


def mails(shop: Shop, number: int) -> list[str]:
    """The texts of the messages about returns."""
    sql = "SELECT text FROM notifications WHERE key LIKE ?"
    like = f"%:returns:{shop.order_id(number)}:%"
    return [text for (text,) in shop.ask(sql, like)]


@on_sqlite
async def test_a_part_of_an_order_comes_back_and_its_money_goes_back_once(shop: Shop) -> None:
    await asked(shop, back(shop, 0, ["lamp"]))
    before = await account_of(shop, 0)
    await arrived(shop, 0, "lamp")

    assert refunds(shop, 0) == [PRICE]
    assert goods_of(shop, "lamp") == (999, 0, 1)  # one of two is for sale again
    after = await account_of(shop, 0)
    assert before.after_sales is not None
    assert (before.after_sales.settled_on, len(before.movements)) == ("", 1)
    assert after.after_sales is not None
    assert after.after_sales.settled_on
    assert (after.movements[-1].kind, after.movements[-1].amount) == ("refund", PRICE)
    [mail] = mails(shop, 0)
    assert "We returned USD 19.99 to the card or account that you paid with." in mail
    assert "on their way" not in mail
    assert (parcels(shop, 0), await differences(shop)) == ([], [])
    await shop.check()


@on_sqlite
async def test_the_difference_of_an_exchange_is_paid_back_or_charged_once(shop: Shop) -> None:
    await asked(
        shop, exchange(shop, 0, "cheap"), exchange(shop, 1, "dear"), exchange(shop, 2, "lamp")
    )
    for number in range(3):
        await arrived(shop, number, "lamp")

    assert (refunds(shop, 0), charged(shop, 0)) == ([PRICE - CHEAPER], [])
    assert (refunds(shop, 1), charged(shop, 1)) == ([], [(DEARER - PRICE, "succeeded")])
    assert (refunds(shop, 2), charged(shop, 2)) == ([], [])
    for number, name in enumerate(("cheap", "dear")):
        assert (parcels(shop, number), goods_of(shop, name)) == (["booked"], (99, 0, 1))
        after = (await account_of(shop, number)).after_sales
        assert after is not None
        [parcel] = after.parcels
        assert f"with {parcel.carrier}, tracking number {parcel.tracking}" in mails(shop, number)[0]
    assert goods_of(shop, "lamp") == (996, 0, 4)  # three came back, and one went out again
    told = [mail for number in range(3) for mail in mails(shop, number)]
    assert ["USD 4.99" in told[0], "USD 4.01 more" in told[1], "the same" in told[2]] == [True] * 3
    moved = [(await account_of(shop, number)).movements[1:] for number in range(3)]
    assert [[(m.kind, m.amount) for m in some] for some in moved] == [
        [("refund", 499)], [("payment", 401)], [],
    ]  # fmt: skip
    assert await differences(shop) == []
    await shop.check()


async def test_goods_that_arrive_in_two_parcels_are_settled_apart_and_never_twice(
    shop: Shop,
) -> None:
    await asked(
        shop,
        back(shop, 0, ["lamp", "lamp"]),
        Exchange(
            order=shop.order_id(1),
            pieces=(shop.sku("lamp"),) * 2,
            new=(shop.sku("cheap"), shop.sku("dear")),
            method="pm_card_visa",
        ),
    )
    await arrived(shop, 0, "lamp", arrival="p1")
    after = (await account_of(shop, 0)).after_sales
    assert after is not None
    assert (after.arrived, refunds(shop, 0)) == ((shop.sku("lamp"),), [PRICE])
    await arrived(shop, 1, "lamp", arrival="p1")
    assert (refunds(shop, 1), charged(shop, 1)) == ([PRICE - CHEAPER], [])
    for number in range(2):
        for arrival in ("p2", "p3"):  # nothing is left for the third
            await arrived(shop, number, "lamp", arrival=arrival)

    assert (refunds(shop, 0), refunds(shop, 1)) == ([PRICE, PRICE], [PRICE - CHEAPER])
    assert charged(shop, 1, "p2") == [(DEARER - PRICE, "succeeded")]
    assert (parcels(shop, 1, "p1"), parcels(shop, 1, "p2")) == (["booked"], ["booked"])
    assert (goods_of(shop, "cheap"), goods_of(shop, "dear")) == ((99, 0, 1), (99, 0, 1))
    assert goods_of(shop, "lamp") == (1_000, 0, 0)
    accounts = [await account_of(shop, number) for number in range(2)]
    assert [len(a.after_sales.arrived) for a in accounts if a.after_sales] == [2, 2]
    assert [m.amount for m in accounts[0].movements] == [2 * PRICE, 2 * PRICE]
    async with open_runtime(settings()) as opened:
        left = await waiting(opened.journal, RETURNS.name)
    assert [row.reason.split(": ")[0] for row in left] == [
        f"0 of 0 pieces of order {shop.order_id(n)} have arrived, and 1 others" for n in range(2)
    ]
    assert await differences(shop) == []
    await shop.check()


@on_sqlite
async def test_new_goods_that_cannot_be_sent_wait_for_a_person_or_are_undone(shop: Shop) -> None:
    await asked(shop, exchange(shop, 0, "dear"), exchange(shop, 1, "anvil"))
    set_stock(shop, "dear", 0)
    await arrived(shop, 0, "lamp")
    await arrived(shop, 1, "lamp")  # no carrier takes it
    assert charged(shop, 1) == [(ANVIL - PRICE, "succeeded")]
    assert goods_of(shop, "anvil") == (99, 1, 0)

    assert "out of stock" in await approved(shop, 0)  # and again, as nothing has come in
    set_stock(shop, "dear", 1)
    await approved(shop, 0)
    assert (parcels(shop, 0), charged(shop, 0)) == (["booked"], [(DEARER - PRICE, "succeeded")])

    assert "no carrier takes the parcel" in await approved(shop, 1, approve=False)
    [mail] = mails(shop, 1)
    assert "We cannot settle their money" in mail
    assert (parcels(shop, 1), goods_of(shop, "anvil")) == ([], (100, 0, 0))
    assert refunded_charges(shop, 1) == [ANVIL - PRICE]
    assert await differences(shop) == []
    await shop.check()


@on_sqlite
async def test_what_cannot_be_settled_waits_for_a_person_and_nothing_is_paid_twice(
    shop: Shop,
) -> None:
    await asked(shop, back(shop, 0, ["lamp", "lamp"]), exchange(shop, 1, "dear", "other"))
    await arrived(shop, 0, "lamp", "cheap")
    await arrived(shop, 1, "lamp")
    await arrived(shop, 2, "lamp")
    assert (refunds(shop, 0), charged(shop, 1), mails(shop, 1)) == ([], [(0, "canceled")], [])

    reason = await approved(shop, 0)
    assert "1 of 2 pieces" in reason
    assert "and 1 others: settle what has arrived?" in reason
    assert refunds(shop, 0) == [PRICE]
    assert "payment declined: insufficient_funds" in await approved(shop, 1)
    assert charged(shop, 1) == [(0, "canceled")]
    assert "USD 4.01 more" in mails(shop, 1)[0]
    assert "no return of order" in await approved(shop, 2)  # and it goes on waiting
    assert await differences(shop) == []


@on_sqlite
async def test_a_refund_that_the_journal_does_not_know_is_a_difference(shop: Shop) -> None:
    await asked(shop, back(shop, 0, ["lamp"]))
    await arrived(shop, 0, "lamp")
    for amount, what in (
        (3_998, "refunded more than the returned goods"),
        (1, "a refund of returned goods has failed since"),
    ):
        change_refund(shop, amount)
        assert [row["difference"] for row in await differences(shop)] == [what]
    change_refund(shop, PRICE)


def change_refund(shop: Shop, amount: int) -> None:
    with closing(sqlite3.connect(shop.data / "sandbox.db")) as db, db:
        of = "SELECT id FROM payment_intents WHERE reference LIKE ?"
        sql = f"UPDATE refunds SET amount = ? WHERE payment_intent IN ({of})"
        assert db.execute(sql, (amount, f"%:{shop.order_id(0)}")).rowcount == 1
