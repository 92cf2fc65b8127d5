"""The first run of a new user: 1,000 sample orders, with providers that misbehave.

The counts are the same in every run; the amounts differ a little, since orders race for last pieces.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.runtime.settings import settings
from agents.services.sandbox.process import stop_sandbox
from flows.order_processing import process_orders
from tests.databases import stop_telemetry
from tests.invariants import check_invariants, dump_journal, read_record

pytestmark = pytest.mark.slow


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A data folder as in a fresh clone."""
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()
    stop_telemetry()
    stop_sandbox(tmp_path)


async def test_the_sample_has_every_outcome_and_a_second_run_changes_nothing(data: Path) -> None:
    report = await process_orders.fn()

    assert report.outcomes == {
        "shipped": 894,
        "refunded": 19,
        "rejected": 61,
        "waiting": 22,
        "dead-lettered": 4,
    }
    assert report.reasons["refunded"] == {"no carrier": 19}
    assert report.reasons["rejected"] == {"out of stock": 42, "declined": 19}
    assert report.reasons["dead-lettered"] == {"swift book: out of service (503)": 4}
    assert report.messages == {"sent": 967, "unknown": 7}
    latest = data / "reports" / "order-processing-latest.md"
    assert report.report_file == str(latest.resolve())
    assert report.headline().startswith("1,000 orders in ")
    journal_url = settings().journal
    await check_invariants(journal_url, data)
    journal, record = await dump_journal(journal_url), read_record(data)
    payments = [payment for [payment] in record.payments.values()]
    assert report.captured == {"USD": sum(payment["received"] for payment in payments)}
    assert report.refunded == {"USD": sum(payment["refunded"] for payment in payments)}

    again = await process_orders.fn()

    assert {word: count for word, count in again.outcomes.items() if count} == {
        "waiting": 22,
        "already done": 978,
    }
    assert again.standing_lines() == [
        "4 dead letters: uv run python -m flows.operations dead-letters",
        "22 items that wait for a person: uv run python -m flows.operations waiting",
    ]
    assert read_record(data) == record
    after = await dump_journal(journal_url)
    assert (after.items, after.history, after.dead) == (
        journal.items,
        journal.history,
        journal.dead,
    )
