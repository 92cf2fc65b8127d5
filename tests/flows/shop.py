"""A shop of a test's own: goods, orders and journal, at the sandbox that all tests share."""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.orders.report import OrderReport
from agents.runtime.context import open_runtime
from agents.runtime.settings import settings
from agents.services import connect_services
from flows.operations.resume import finish
from flows.order_processing import enqueue_orders, process_orders
from flows.workflows import WORKFLOWS
from tests.invariants import Journal, Record, check_invariants, dump_journal, read_record

Body = dict[str, Any]

# SKU: pieces, grams. No carrier takes an anvil.
GOODS = {
    "lamp": (1_000, 500), "cheap": (100, 400), "dear": (100, 600),
    "rare": (1, 100), "anvil": (100, 40_000),
}  # fmt: skip
DECLINED_CARD = "pm_card_chargeDeclinedInsufficientFunds"


@dataclass(frozen=True, slots=True)
class Shop:
    """Names of its orders and goods begin with `name`; its files lie in `folder`."""

    name: str
    folder: Path
    data: Path
    journal_url: str

    def order(
        self, number: int, sku: str = "lamp", quantity: int = 1, price: int = 1_999, **changes: Any
    ) -> Body:
        """An order of one line."""
        line = {"sku": self.sku(sku), "name": sku, "quantity": quantity, "unit_price": price}
        body = {
            "order_id": self.order_id(number),
            "placed_at": "2026-01-15T08:30:00Z",
            "customer": {
                "id": f"c{number}",
                "name": "Ann Lee",
                "email": f"ann{number}@example.com",
            },
            "address": {
                "line1": "1 Elm St",
                "city": "Reno",
                "postal_code": "89501",
                "country": "US",
            },
            "currency": "USD",
            "lines": [line],
            "total": quantity * price,
            "payment_method": "pm_card_visa",
        }
        return body | changes

    def orders(self, count: int, **changes: Any) -> list[Body]:
        """This number of valid orders."""
        return [self.order(number, **changes) for number in range(count)]

    def order_id(self, number: int) -> str:
        """The order's id in the journal and at the providers."""
        return f"{self.name}-{number}"

    def sku(self, goods: str) -> str:
        """The SKU of one of the GOODS."""
        return f"{self.name}-{goods}"

    def write(self, bodies: Iterable[Body | bytes], name: str = "orders.jsonl") -> str:
        """Write a JSON Lines file; bytes are lines that are no orders. Returns its path."""
        path = self.folder / name
        lines = (one if isinstance(one, bytes) else json.dumps(one).encode() for one in bodies)
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return str(path)

    @property
    def stock(self) -> str:
        """The file of the shop's goods."""
        path = self.folder / "stock.csv"
        rows = [f"{self.sku(name)},{count},{grams}" for name, (count, grams) in GOODS.items()]
        path.write_text("\n".join(["sku,on_hand,weight_grams", *rows, ""]), "utf-8")
        return str(path)

    @property
    def report(self) -> str:
        """Path of the report."""
        return str(self.folder / "report.md")

    @property
    def rejected(self) -> list[dict[str, Any]]:
        """The rejected lines that are kept beside the report."""
        path = self.folder / "report.rejected.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    async def process(
        self, source: str | list[Body], faults: str = "none", batch_size: int = 256
    ) -> OrderReport:
        """Run the flow outside of Prefect on a file or on these orders."""
        file = source if isinstance(source, str) else self.write(source)
        return await process_orders.fn(
            file, batch_size=batch_size, report=self.report, faults=faults, stock=self.stock
        )

    async def enqueue(self, orders: list[Body]) -> None:
        """Put these orders into the queue."""
        await enqueue_orders.fn(self.write(orders), report=self.report, stock=self.stock)

    async def finish(self) -> None:
        """Process the queued orders."""
        async with open_runtime(settings()), connect_services(settings()):
            await finish(WORKFLOWS["orders"])

    async def journal(self) -> Journal:
        """What the journal holds."""
        return await dump_journal(self.journal_url)

    @property
    def record(self) -> Record:
        """What the providers hold of this shop."""
        return read_record(self.data, self.name)

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Query the providers' database directly."""
        with closing(sqlite3.connect(f"file:{self.data}/sandbox.db?mode=ro", uri=True)) as db:
            return db.execute(sql, values).fetchall()

    @property
    def calls(self) -> int:
        """Number of calls at the providers, of all shops."""
        return int(self.ask("SELECT count(*) FROM calls")[0][0])

    def met(self, fault: str) -> int:
        """Number of calls about this shop's orders that met the fault."""
        like = f"%{self.name}%"
        sql = "SELECT count(*) FROM calls WHERE fault = ? AND (key LIKE ? OR reference LIKE ?)"
        return int(self.ask(sql, fault, like, like)[0][0])

    async def check(self) -> None:
        """Assert the invariants."""
        await check_invariants(self.journal_url, self.data, self.name)
