"""The operation that delivers webhook events, where no gateway runs."""

from pathlib import Path

import pytest

from agents.runtime.context import open_runtime
from agents.runtime.journal import webhook_endpoints as endpoints
from agents.runtime.journal.webhook_endpoints import NewEndpoint
from agents.runtime.model.api_versions import Change, unchanged
from agents.runtime.settings import PREFIX, settings
from flows.operations.pruning import prune
from flows.operations.webhooks import send_webhooks
from flows.workflows import WORKFLOWS
from tests.agents.workflow.webhook_items import end_orders
from tests.agents.workflow.webhook_receiver import receiving


def louder(event: dict[str, str]) -> dict[str, str]:
    return event | {"outcome": event["outcome"].upper()}


@pytest.fixture(autouse=True)
def _own_journal(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}DATA", str(tmp_path))
    monkeypatch.setenv(f"{PREFIX}JOURNAL_URL", sqlite_url)


async def test_what_is_due_is_sent_once_in_the_version_of_its_endpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changes = (Change("2026-12-24", "Outcomes are small.", unchanged, unchanged, louder),)
    monkeypatch.setattr("agents.orders.api.CHANGES", changes)
    assert WORKFLOWS["orders"].api == changes
    async with receiving() as receiver:
        monkeypatch.setenv(f"{PREFIX}WEBHOOK_ALLOWED", f'["{receiver.host}"]')
        settings.cache_clear()
        async with open_runtime(settings()) as opened:
            for path, version in (("/ok", "2026-11-22"), ("/broken", "2026-12-24")):
                new = NewEndpoint(receiver.url(path), ("orders.ended",), "", version)
                await endpoints.create(opened.journal, new, "ann")
            await end_orders(opened, "W1", "W2")
        listing = await send_webhooks.fn(for_seconds=0)
        outcomes = {row["outcome"]: row["attempts"] for row in listing.table}
        assert outcomes == {"arrived": "2", "failed": "2"}
        assert [one.event["data"]["outcome"] for one in receiver.at("/ok")] == ["SHIPPED"] * 2
        assert [one.event["data"]["outcome"] for one in receiver.at("/broken")] == ["shipped"] * 2
        assert (await send_webhooks.fn(for_seconds=0.1)).title == "0 attempts"
        pruned = await prune.fn()
        assert {"scenario": "webhook events", "items": "0"} in pruned.table
    settings.cache_clear()
