"""A sandbox for all tests of invoices, and an office for each: its file of invoices and its journal."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from agents.runtime.names import installation_of
from agents.runtime.settings import settings
from agents.services.sandbox.process import ensure_sandbox, stop_sandbox
from agents.workflow.report import RunReport
from flows.invoice_approval import approve_invoices
from tests.databases import stop_telemetry

Body = dict[str, Any]


@pytest.fixture(scope="session")
def sandbox_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a running sandbox."""
    data = tmp_path_factory.mktemp("sandbox")
    ensure_sandbox(data)
    yield data
    stop_sandbox(data)


@dataclass(frozen=True, slots=True)
class Office:
    """Numbers of its invoices begin with `name`; what the sandbox holds of them is asked directly."""

    name: str
    folder: Path
    data: Path

    @property
    def vat_id(self) -> str:
        """A VAT id that no other office asks about."""
        return f"DE{self.name.upper()}1"

    @property
    def asked(self) -> int:
        """How often the tax office was asked about that id."""
        sql = "SELECT n FROM calls WHERE operation = 'tax-office.find' AND key LIKE ?"
        return len(self._ask(sql, self.vat_id))

    def invoice(self, number: int = 1, **changes: Any) -> Body:
        """An invoice with which nothing is wrong, below the limit."""
        body = {
            "number": f"{self.name}-{number}",
            "supplier": "Paper Ltd",
            "vat_id": self.vat_id,
            "email": "paper@example.com",
            "currency": "EUR",
            "total": 45_000,
        }
        return body | changes

    def write(self, *invoices: Body) -> str:
        """A JSON Lines file of them."""
        path = self.folder / "invoices.jsonl"
        path.write_text("".join(json.dumps(body) + "\n" for body in invoices), "utf-8")
        return str(path)

    async def approve(self, *invoices: Body, faults: str = "none") -> RunReport:
        """Run the real flow over these invoices, outside of Prefect."""
        return await approve_invoices.fn(self.write(*invoices), faults)

    def entries(self) -> dict[str, str]:
        """The keys in the sandbox's books, without the journal's installation, each with its status."""
        sql = "SELECT key, status FROM things WHERE system = 'books' AND key LIKE ?"
        return {
            key.removeprefix(f"{installation_of(key)}:"): status for key, status in self._ask(sql)
        }

    def key(self, number: int = 1) -> str:
        """Under which key an invoice is booked, without the journal's installation."""
        return f"default:invoices:{self.name}-{number}:book_invoice:0"

    def calls(self, operation: str) -> int:
        """How many calls of an operation the sandbox had about this office's invoices."""
        sql = f"SELECT key, fault FROM calls WHERE operation = '{operation}' AND key LIKE ?"
        return len(self._ask(sql))

    def letters(self) -> list[str]:
        """The subjects of the messages that went out."""
        return sorted(s for (s,) in self._ask("SELECT subject FROM notifications WHERE key LIKE ?"))

    def _ask(self, sql: str, like: str = "") -> list[Any]:
        with closing(sqlite3.connect(f"file:{self.data}/sandbox.db?mode=ro", uri=True)) as db:
            return db.execute(sql, (like or f"%:{self.name}-%",)).fetchall()


@pytest.fixture
def office(
    monkeypatch: pytest.MonkeyPatch, sandbox_data: Path, sqlite_url: str, tmp_path: Path
) -> Iterator[Office]:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(sandbox_data))
    monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", sqlite_url)
    settings.cache_clear()
    yield Office(f"i{uuid4().hex[:8]}", tmp_path, sandbox_data)
    settings.cache_clear()
    stop_telemetry()


@pytest.fixture
def short_lease(office: Office, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a killed process held is free soon."""
    monkeypatch.setenv("AGENT_FLOWS_LEASE_SECONDS", "3")
    settings.cache_clear()
    yield
    settings.cache_clear()
