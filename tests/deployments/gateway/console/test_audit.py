"""The page of the audit log."""

import httpx
import pytest

from agents.runtime.context import runtime
from agents.runtime.journal.audit import AuditEntry, write
from deployments.gateway.access import Principal, Scope
from deployments.gateway.console import audit
from tests.deployments.gateway.conftest import Connect
from tests.deployments.gateway.console.conftest import HTML


async def test_the_log_shows_who_did_what_and_why(
    console: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "ROWS", 2)
    async with runtime().journal.database.write() as connection:
        for number in range(3):
            change = {"before": {"total": 1}, "after": {"total": number}}
            entry = AuditEntry("default", "ann", "mend", f"item orders/W{number}", "typo", **change)
            await write(connection, entry)
    page = await console.get("/console/audit")
    assert "item orders/W2" in page.text
    assert "item orders/W0" not in page.text
    assert "<del>1</del> → <ins>2</ins>" in " ".join(page.text.split())
    assert 'rel="next"' in page.text
    only = await console.get("/console/audit?object=item%20orders/W0")
    assert "item orders/W0" in only.text


async def test_the_log_is_open_to_administrators_only(connect: Connect) -> None:
    reader = connect(Principal("rob", "default", frozenset({Scope.READ})))
    page = await reader.get("/console/audit", headers={"accept": HTML})
    assert page.status_code == 403
    assert "the scope admin is needed" in page.text
