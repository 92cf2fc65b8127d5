"""What happens to an invoice: the real flow and the sandbox's tax office, books and messenger."""

import asyncio
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agents.invoices import book_invoice as booking
from agents.invoices.ask_approval import LIMIT
from agents.invoices.book_invoice import book_invoice, reverse_entry
from agents.invoices.check_vat_id import InvalidVatId, check_vat_id
from agents.invoices.invoice import RECORDS, Booked, Invoice, Owner
from agents.invoices.services import Books, TaxOffice
from agents.runtime import EffectKey, UndoneKey, open_runtime
from agents.runtime.journal.operator_actions import OperatorAction, decide
from agents.runtime.settings import SystemSettings, settings
from agents.runtime.testing import instant_retries
from agents.services import connect_services
from agents.services.http import Rejected
from agents.services.sandbox.address import read_address
from flows.operations.actions import replay
from flows.operations.resume import act_and_resume, finish
from flows.workflows import WORKFLOWS
from tests.agents.invoices.conftest import Office

ROOT = Path(__file__).resolve().parents[3]


def test_the_whole_scenario_is_small_and_touches_four_places() -> None:
    files = [*(ROOT / "agents" / "invoices").glob("*"), ROOT / "flows" / "invoice_approval.py"]
    lines = [len(file.read_text("utf-8").splitlines()) for file in files if file.is_file()]
    assert sum(lines) <= 190
    named = {
        str(path.relative_to(ROOT))
        for folder in ("agents", "flows", "deployments")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".yaml", ".json"}
        if re.search(r"agents\.invoices|flows\.invoice_approval", path.read_text("utf-8"))
    }
    assert named - {str(file.relative_to(ROOT)) for file in files} == {"flows/workflows.py"}
    assert "invoice" not in (ROOT / "pyproject.toml").read_text("utf-8")
    assert "flows.invoice_approval" in (ROOT / "prefect.yaml").read_text("utf-8")


async def test_a_good_invoice_is_booked_once_and_its_supplier_gets_a_message(
    office: Office,
) -> None:
    report = await office.approve(office.invoice(1), office.invoice(2))

    assert report.outcomes["approved"] == report.items == 2
    assert office.entries() == {office.key(1): "open", office.key(2): "open"}
    assert office.letters() == [f"Your invoice {office.name}-{n} is approved" for n in (1, 2)]


async def test_an_invoice_comes_as_a_table_too(office: Office, tmp_path: Path) -> None:
    body = office.invoice()
    table = tmp_path / "invoices.csv"
    table.write_text(",".join(body) + "\n" + ",".join(map(str, body.values())) + "\n", "utf-8")

    assert (await office.approve(body)).outcomes["approved"] == 1
    (found,) = RECORDS.read(str(table))
    assert found.payload == Invoice.model_validate(body)  # type: ignore[union-attr]  # else it fails


async def test_an_invalid_vat_id_is_refused_before_anything_is_booked(office: Office) -> None:
    report = await office.approve(office.invoice(vat_id="DE999999000"))

    assert report.outcomes["refused"] == 1
    assert report.reasons["refused"] == {"invalid vat id": 1}
    assert office.entries() == {}
    assert office.letters() == [f"Your invoice {office.name}-1 is refused"]


async def test_a_record_that_is_no_invoice_is_rejected_in_words(office: Office) -> None:
    wrong = office.invoice(1, total=-5), office.invoice(2, currency="EURO"), {"number": "3"}
    report = await office.approve(*wrong, office.invoice(4))

    assert (report.outcomes["rejected"], report.outcomes["approved"]) == (3, 1)
    rows = [json.loads(line) for line in Path(report.rejects_file).read_text("utf-8").splitlines()]  # noqa: ASYNC240 - a small file
    assert [(row["line"], row["rule"]) for row in rows] == [
        (1, "out-of-range"),
        (2, "pattern"),
        (3, "missing"),
    ]
    assert "(rule out-of-range, limit 0)" in rows[0]["message"]


@pytest.mark.parametrize("approved, word", [(True, "approved"), (False, "refused")])
async def test_a_person_decides_above_the_limit(office: Office, approved: bool, word: str) -> None:
    report = await office.approve(office.invoice(1, total=100 * LIMIT + 1), office.invoice(2))
    assert (report.outcomes["waiting"], report.outcomes["approved"]) == (1, 1)
    assert report.reasons["waiting"] == {"EUR 1,000.01 to Paper Ltd?": 1}
    assert office.entries()[office.key(1)] == "open"

    action = OperatorAction("invoices", f"{office.name}-1", "ann", "asked the supplier")
    done = await act_and_resume(action, lambda journal: decide(journal, action, approved=approved))

    assert done.title.endswith(f": {word}")
    assert office.entries()[office.key(1)] == ("open" if approved else "closed")
    assert f"Your invoice {office.name}-1 is {word}" in office.letters()


async def test_at_the_limit_nobody_is_asked(office: Office) -> None:
    assert (await office.approve(office.invoice(total=100 * LIMIT))).outcomes["approved"] == 1


async def test_the_same_invoice_twice_is_one_and_a_changed_one_is_a_conflict(
    office: Office,
) -> None:
    body = office.invoice()
    report = await office.approve(body, dict(reversed(body.items())), body | {"total": 1})
    assert (report.outcomes["approved"], report.outcomes["already done"]) == (1, 1)
    assert report.reasons["rejected"] == {"input: conflict": 1}

    again = await office.approve(body)

    assert {word: n for word, n in again.outcomes.items() if n} == {"already done": 1}
    assert office.calls("books.make") == 1
    assert len(office.letters()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["timeout", "reset", "error", "truncated", "rate_limit"])
async def test_an_unknown_outcome_is_settled_and_booked_once(office: Office, kind: str) -> None:
    report = await office.approve(office.invoice(), faults=f"books.make:{kind}=1")

    assert report.outcomes["approved"] == 1
    assert office.calls("books.make") == 2
    assert office.entries() == {office.key(): "open"}


async def test_an_outage_of_the_tax_office_is_a_dead_letter_that_goes_on_when_replayed(
    office: Office,
) -> None:
    with instant_retries():
        report = await office.approve(office.invoice(), faults="tax-office.find:outage=1")
    assert report.outcomes["dead-lettered"] == 1
    assert office.entries() == {}

    await replay.fn("ann", "it is back", [f"{office.name}-1"], scenario="invoices")

    assert office.entries() == {office.key(): "open"}
    assert office.letters() == [f"Your invoice {office.name}-1 is approved"]


async def test_a_failing_reversal_is_kept_until_it_works(office: Office) -> None:
    await office.approve(office.invoice(total=100 * LIMIT + 1))
    action = OperatorAction("invoices", f"{office.name}-1", "ann", "too dear")
    async with open_runtime(settings()) as opened:
        await decide(opened.journal, action, approved=False)
        with instant_retries():
            async with connect_services(settings(), "books.close:outage=1"):
                stats = await finish(WORKFLOWS["invoices"])
    assert stats.outcomes["dead-lettered"] == 1
    assert office.entries() == {office.key(): "open"}

    await replay.fn("ann", "it is back", [f"{office.name}-1"], scenario="invoices")

    assert office.entries() == {office.key(): "closed"}
    assert office.letters() == [f"Your invoice {office.name}-1 is refused"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "point",
    [
        "called:book_invoice",
        *(
            pytest.param(point, marks=pytest.mark.campaign)
            for point in ("intended:book_invoice", "written:book_invoice", "ending", "sent")
        ),
    ],
)
async def test_what_a_killed_process_began_the_next_run_finishes_once(
    office: Office, short_lease: None, point: str
) -> None:
    invoices = office.invoice(1), office.invoice(2)
    command = [sys.executable, "-m", "tests.agents.invoices.run_invoices"]
    killed = await asyncio.to_thread(
        subprocess.run, [*command, office.write(*invoices), point], cwd=ROOT, check=False
    )
    assert killed.returncode == -signal.SIGKILL

    report = await office.approve(*invoices)

    assert report.outcomes["approved"] + report.outcomes.get("already done", 0) == 2
    assert office.entries() == {office.key(1): "open", office.key(2): "open"}
    assert office.letters() == [f"Your invoice {office.name}-{n} is approved" for n in (1, 2)]


async def test_a_reversed_entry_is_closed_for_calls_that_come_late(office: Office) -> None:
    async with connect_services(settings()) as services:
        invoice, books = Invoice.model_validate(office.invoice()), services[Books]
        key, owner = office.key(), Owner(name="Ann")
        booked = await book_invoice.function(invoice, owner, EffectKey(key), books)
        assert await book_invoice.function(invoice, owner, EffectKey(key), books) == booked
        assert isinstance(booked, Booked)

        await reverse_entry.function(invoice, UndoneKey(key), books)

        assert await books.find(key) is None
        with pytest.raises(Rejected, match="closed"):
            await book_invoice.function(invoice, owner, EffectKey(key), books)
    assert booking.book_invoice.undo is reverse_entry


async def test_systems_of_its_own_are_reached_by_settings(office: Office) -> None:
    address = read_address(office.data)
    assert address is not None
    own = tuple(
        SystemSettings.model_validate(
            {"name": name, "url": f"{address.url}/{name}", "token": address.token}
        )
        for name in ("tax-office", "books")
    )
    here = settings().model_copy(update={"services": own})
    # A script makes every call to the sandbox fail, so what works does not pass as the sandbox.
    async with connect_services(here, "books.make:outage=1") as services:
        assert (await services[Books].make(office.key(), {}))["status"] == "open"
        with pytest.raises(InvalidVatId):
            await check_vat_id.function(
                Invoice.model_validate(office.invoice(vat_id="DE000")), services[TaxOffice]
            )
