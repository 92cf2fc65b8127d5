"""Returns as a workload: orders are shipped, customers ask, goods come back, and their money is paid.

Each run does all of it again, so a killed one is finished by the next: four returns that end in each way,
with refunds and charges whose responses are lost.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from uuid import uuid4

from agents.services.sandbox.faults import parse_faults
from tests.faults.checker import (
    Expectation,
    illegal_writes,
    unfinished_orders,
    unsent_messages,
)
from tests.faults.protocol import Run
from tests.flows.shop import Shop
from tests.invariants import breaches_of, dump_journal, read_record

PRICE, CHEAPER, DEARER = 1_999, 1_500, 2_400
# What is asked for each order, and what goes back; less than 0 is charged.
RETURNS = (
    ("return", "lamp", PRICE),  # the connection breaks before the response to its refund
    ("return", "lamp", PRICE),
    ("exchange", "cheap", PRICE - CHEAPER),
    (
        "exchange",
        "dear",
        PRICE - DEARER,
    ),  # the connection breaks before the response to its capture
)
FAULTS = "payments.refund:reset=0.5;payments.capture:reset=0.5"


@dataclass(frozen=True, slots=True)
class ReturnWorkload:
    """The returns of one cell and its folder."""

    shop: Shop
    orders: str
    stock: str
    returns: str
    faults: str
    lease: float = 1.0

    @property
    def name(self) -> str:
        """The prefix of its orders and goods."""
        return self.shop.name

    @property
    def expected(self) -> dict[str, set[str]]:
        """The outcomes of the orders, and of the changes and returns that have their keys."""
        ends = {"refunded", "shipped"}, {"refunded", "shipped"}, {"refunded", "shipped"}
        keys = map(self.shop.order_id, range(len(RETURNS)))
        found = dict(zip(keys, (*ends, {"charged", "shipped"}), strict=True))
        return found | {f"{key}:after-sales": {"applied"} for key in found}

    @property
    def run(self) -> Run:
        """A run of everything without faults."""
        return Run(
            data=str(self.shop.data),
            journal=self.shop.journal_url,
            folder=str(self.shop.folder),
            orders=self.orders,
            stock=self.stock,
            faults=self.faults,
            returns=self.returns,
            job="returns",
            lease=self.lease,
        )

    async def unfinished(self) -> list[str]:
        """Return what is lost or not at rest, and the messages that are not sent."""
        journal = await dump_journal(self.shop.journal_url)
        returned = {r["key"] for r in journal.items.values() if r["scenario"] == "returns"}
        missing = {self.shop.order_id(n) for n in range(len(RETURNS))} - returned
        unsent = [one for one in unsent_messages(journal) if "without a message" not in one]
        left = unfinished_orders(journal, self.expected)
        return [*left, *(f"I2 return of {key}: lost" for key in sorted(missing)), *unsent]

    async def only_messages_left(self) -> bool:
        """False: the next run also sends what is left."""
        return False

    async def check(self, permitted: Expectation) -> list[str]:
        """Return the violations: money, stock, messages and journal as for orders, and each return."""
        shop = self.shop
        journal, record = await dump_journal(shop.journal_url), read_record(shop.data, shop.name)
        return [
            *breaches_of(journal, record),
            *await self.unfinished(),
            *(
                violation
                for item, row in journal.items.items()
                for violation in illegal_writes(
                    row, journal.history.get(item, []), permitted.faulted
                )
            ),
            *self._paid_otherwise(),
            *self._told_otherwise(),
            *self._sent_otherwise(),
        ]

    def _paid_otherwise(self) -> Iterator[str]:
        """R1: each return is refunded or charged once, with exactly what is due."""
        refunds = self.shop.ask(
            "SELECT p.reference, r.amount FROM refunds r"
            " JOIN payment_intents p ON p.id = r.payment_intent WHERE r.status = 'succeeded'"
        )
        charges = self.shop.ask(
            "SELECT reference, -received FROM payment_intents WHERE received > 0"
        )
        for number, (_, _, due) in enumerate(RETURNS):
            order = self.shop.order_id(number)
            moved = [n for name, n in refunds if name.endswith(f":{order}")]
            moved += [n for name, n in charges if name.endswith(f":{order}:exchange")]
            if moved != [due]:
                yield f"R1 {order}: {due} is due for what came back, and {moved} was paid"

    def _sent_otherwise(self) -> Iterator[str]:
        """R3: each piece is put on sale again once, and the new ones of each exchange are sent once."""
        lines = self.shop.ask("SELECT key, quantity FROM taken_back")
        sent = self.shop.ask("SELECT key FROM shipments WHERE status = 'booked'")
        for number, (kind, _, _) in enumerate(RETURNS):
            order, mine = self.shop.order_id(number), f":returns:{self.shop.order_id(number)}:"
            pieces = sum(quantity for key, quantity in lines if mine in key)
            parcels = sum(mine in key for (key,) in sent)
            if (pieces, parcels) != (1, int(kind == "exchange")):
                yield f"R3 {order}: {pieces} pieces are for sale again, {parcels} parcels were sent"

    def _told_otherwise(self) -> Iterator[str]:
        """R2: the customer of each return hears of its money at most once."""
        keys = self.shop.ask("SELECT key FROM notifications WHERE key LIKE '%:returns:%'")
        told = Counter(key.split(":returns:")[1].split(":")[0] for (key,) in keys)
        for order, times in told.items():
            if order.startswith(f"{self.shop.name}-") and times > 1:
                yield f"R2 {order}: told {times} times"


def new_returns(folder: Path, data: Path, journal_url: str, lease: float = 1.0) -> ReturnWorkload:
    """Create orders and their returns in `folder`; runs have a lease of `lease` seconds."""
    shop = Shop(f"r{uuid4().hex[:10]}", folder, data, journal_url)
    orders = shop.write(shop.order(n, quantity=2) for n in range(len(RETURNS)))
    file = folder / "returns.json"
    lamp = shop.sku("lamp")
    file.write_text(
        json.dumps(
            [
                {"by": f"c{n}", "order": shop.order_id(n), "kind": kind, "pieces": [lamp]}
                | ({"new": [shop.sku(new)]} if kind == "exchange" else {})
                for n, (kind, new, _) in enumerate(RETURNS)
            ]
        ),
        "utf-8",
    )
    prices = (("lamp", PRICE), ("cheap", CHEAPER), ("dear", DEARER))
    goods = ({"sku": shop.sku(name), "name": name, "price": price} for name, price in prices)
    more = {"product": "lamp", "options": {}, "available": True}
    catalogue = folder / "catalogue.jsonl"
    catalogue.write_text("".join(json.dumps(one | more) + "\n" for one in goods), "utf-8")
    return ReturnWorkload(shop, orders, shop.stock, str(file), _fault_script(shop), lease)


def _fault_script(shop: Shop) -> str:
    """Return the first script by which the first refund and the charge lose their responses, and no other."""
    orders = [shop.order_id(n) for n in range(len(RETURNS))]
    wanted = {("payments.refund", order): n == 0 for n, order in enumerate(orders)}
    wanted |= {("payments.capture", order): False for order in orders}
    wanted["payments.capture", f"{orders[3]}:exchange"] = True
    for seed in count():
        script = f"seed={seed};{FAULTS}"
        faults = parse_faults.__wrapped__(script)
        if all((faults.draw(*call) == "reset") is lost for call, lost in wanted.items()):
            return script
    raise AssertionError
