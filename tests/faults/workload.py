"""The workload of a cell: eight orders that end in every possible way, and hidden outcomes of calls."""

from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from agents.services.sandbox.faults import parse_faults
from tests.faults.checker import (
    Expectation,
    unfinished_orders,
    unfinished_work,
    unsent_messages,
    violations_of,
)
from tests.faults.protocol import Job, Run
from tests.flows.shop import DECLINED_CARD, Body, Shop
from tests.invariants import dump_journal, read_record

# How each order must end, whatever process dies.
ENDS = (
    "shipped",  # the connection breaks before the response to its capture
    "shipped",  # the response to its capture has half a body
    "refunded",  # no carrier takes an anvil
    "rejected",  # the bank declines
    "waiting",  # so expensive that a person must approve it
    "rejected",  # out of stock
    "shipped",  # the connection breaks before the response to its booking
    "shipped",
)
CAPTURES = ("reset", "truncated", "", "", "", "", "", "")
BOOKINGS = ("", "", "", "", "", "", "reset", "")
FAULTS = "payments.capture:reset=0.25;payments.capture:truncated=0.25;carriers.book:reset=0.25"
SPENT = (
    ";payments.open:error=1;payments.authorise:failure=1;payments.cancel:failure=1;"
    "payments.refund:error=1"
)


class Workload(Protocol):
    """What the runs of one cell process, and how to check them."""

    @property
    def name(self) -> str:
        """A name that no other cell has."""
        ...

    @property
    def expected(self) -> dict[str, set[str]]:
        """The permitted outcomes of each item, if there are several."""
        ...

    @property
    def run(self) -> Run:
        """A run without faults."""
        ...

    async def unfinished(self) -> list[str]:
        """Return the work that is left."""
        ...

    async def only_messages_left(self) -> bool:
        """Whether only messages are left, which recovery sends."""
        ...

    async def check(self, permitted: Expectation) -> list[str]:
        """Return every violation."""
        ...


@dataclass(frozen=True, slots=True)
class OrderWorkload:
    """The orders of one cell and its folder. The ids of the orders begin with the name of the cell."""

    shop: Shop
    orders: str
    stock: str
    faults: str
    lease: float = 1.0
    job: Job = "process"

    @property
    def run(self) -> Run:
        """A run over the orders without faults."""
        return Run(
            data=str(self.shop.data),
            journal=self.shop.journal_url,
            folder=str(self.shop.folder),
            orders=self.orders,
            stock=self.stock,
            faults=self.faults,
            job=self.job,
            lease=self.lease,
        )

    @property
    def name(self) -> str:
        """The prefix of its orders and goods."""
        return self.shop.name

    @property
    def expected(self) -> dict[str, set[str]]:
        """The outcome of each order."""
        return {self.shop.order_id(number): {end} for number, end in enumerate(ENDS)}

    async def unfinished(self) -> list[str]:
        """Return the orders that are lost or not at rest, and the messages that are not sent."""
        return unfinished_work(await dump_journal(self.shop.journal_url), self.expected)

    async def only_messages_left(self) -> bool:
        """Whether all orders are at rest and only messages are left."""
        journal = await dump_journal(self.shop.journal_url)
        return bool(unsent_messages(journal)) and not unfinished_orders(journal, self.expected)

    async def check(self, permitted: Expectation) -> list[str]:
        """Return the violations that the providers' record and the journal show."""
        shop = self.shop
        journal, record = await dump_journal(shop.journal_url), read_record(shop.data, shop.name)
        return violations_of(journal, record, permitted)


def new_orders(folder: Path, data: Path, journal_url: str, lease: float = 1.0) -> OrderWorkload:
    """Create orders in `folder` for the providers in `data`; runs have a lease of `lease` seconds."""
    shop = Shop(f"f{uuid4().hex[:10]}", folder, data, journal_url)
    return OrderWorkload(shop, shop.write(bodies(shop)), shop.stock, _fault_script(shop), lease)


def bodies(shop: Shop) -> list[Body]:
    """Return the eight orders."""
    return [
        shop.order(0),
        shop.order(1),
        shop.order(2, "anvil"),
        shop.order(3, payment_method=DECLINED_CARD),
        shop.order(4, price=700_000),
        shop.order(5, "rare", quantity=5),
        shop.order(6),
        shop.order(7),
    ]


def _fault_script(shop: Shop) -> str:
    """Return the first script that gives these faults to these orders, so that all cells agree."""
    wanted = {("payments.capture", n): fault for n, fault in enumerate(CAPTURES)}
    wanted |= {("carriers.book", n): fault for n, fault in enumerate(BOOKINGS)}
    met = [
        place for place, _ in wanted.items() if place[1] not in (3, 4, 5)
    ]  # only the others get so far
    for seed in count():
        script = f"seed={seed};{FAULTS}"
        faults = parse_faults.__wrapped__(script)
        if all(faults.draw(what, shop.order_id(n)) == wanted[what, n] for what, n in met):
            return script
    raise AssertionError
