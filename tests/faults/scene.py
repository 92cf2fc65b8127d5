"""What a cell is played on: eight orders that meet every end an order may come to, and hidden outcomes."""

from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from agents.services.sandbox.faults import parse_faults
from tests.faults.judge import Case, left_over, unended, untold, verdict
from tests.faults.runs import Job, Run
from tests.flows.shop import DECLINED_CARD, Body, Shop
from tests.invariants import dump_journal, read_record

# What each order must come to, whatever dies on the way.
ENDS = (
    "shipped",  # its capture is answered by a cut connection
    "shipped",  # its capture is answered by half a body
    "refunded",  # no carrier takes an anvil
    "rejected",  # the bank declines
    "waiting",  # too dear to go through without a person
    "rejected",  # out of stock
    "shipped",  # its booking is answered by a cut connection
    "shipped",
)
CAPTURES = ("reset", "truncated", "", "", "", "", "", "")
BOOKINGS = ("", "", "", "", "", "", "reset", "")
FAULTS = "payments.capture:reset=0.25;payments.capture:truncated=0.25;carriers.book:reset=0.25"


class Scene(Protocol):
    """What the runs of one cell work on, and who judges them."""

    @property
    def name(self) -> str:
        """Unlike any other cell's."""
        ...

    @property
    def expected(self) -> dict[str, set[str]]:
        """The ends that each item may come to, where there are several."""
        ...

    @property
    def run(self) -> Run:
        """An undisturbed run over it."""
        ...

    async def unfinished(self) -> list[str]:
        """What is still to be done."""
        ...

    async def only_untold(self) -> bool:
        """Whether all that is left are messages: those a reconciler sends."""
        ...

    async def judge(self, case: Case) -> list[str]:
        """Every breach in a cell, or nothing."""
        ...


@dataclass(frozen=True, slots=True)
class OrderScene:
    """One cell's orders, all of whose names begin with its own, and where its runs work."""

    shop: Shop
    orders: str
    stock: str
    faults: str
    lease: float = 1.0
    work: Job = "process"

    @property
    def run(self) -> Run:
        """An undisturbed run over its orders."""
        return Run(
            data=str(self.shop.data),
            journal=self.shop.journal_url,
            folder=str(self.shop.folder),
            orders=self.orders,
            stock=self.stock,
            faults=self.faults,
            job=self.work,
            lease=self.lease,
        )

    @property
    def name(self) -> str:
        """Begins the names of its orders and goods."""
        return self.shop.name

    @property
    def expected(self) -> dict[str, set[str]]:
        """The end of each order."""
        return {self.shop.order_id(number): {end} for number, end in enumerate(ENDS)}

    async def unfinished(self) -> list[str]:
        """Orders that are not at rest, or lost, or about which somebody is still to be told."""
        return left_over(await dump_journal(self.shop.journal_url), self.expected)

    async def only_untold(self) -> bool:
        """Whether all orders are at rest and messages are left."""
        journal = await dump_journal(self.shop.journal_url)
        return bool(untold(journal)) and not unended(journal, self.expected)

    async def judge(self, case: Case) -> list[str]:
        """By the providers' record and a dump of the journal alone."""
        shop = self.shop
        journal, record = await dump_journal(shop.journal_url), read_record(shop.data, shop.name)
        return verdict(journal, record, case)


def new_scene(folder: Path, data: Path, journal_url: str, lease: float = 1.0) -> OrderScene:
    """Fresh orders in `folder`, at the providers in `data`, and the `lease` of who works on them."""
    shop = Shop(f"f{uuid4().hex[:10]}", folder, data, journal_url)
    return OrderScene(shop, shop.write(bodies(shop)), shop.stock, _script(shop), lease)


def bodies(shop: Shop) -> list[Body]:
    """The eight orders."""
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


def _script(shop: Shop) -> str:
    """The first seed under which just these orders meet just these faults, so that all cells agree."""
    wanted = {("payments.capture", n): fault for n, fault in enumerate(CAPTURES)}
    wanted |= {("carriers.book", n): fault for n, fault in enumerate(BOOKINGS)}
    met = [place for place, _ in wanted.items() if place[1] not in (3, 4, 5)]  # others get that far
    for seed in count():
        script = f"seed={seed};{FAULTS}"
        faults = parse_faults.__wrapped__(script)
        if all(faults.draw(what, shop.order_id(n)) == wanted[what, n] for what, n in met):
            return script
    raise AssertionError
