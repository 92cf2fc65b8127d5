"""Analyses over HTTP: what one leaves, as the report and the rows that it refused.

They are submitted and followed as all items are. Their results lie in the data folder, which the gateway
shares with the consumers of this workflow.
"""

import asyncio
import re
from base64 import b64encode
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from agents.analysis.asked import Planned, study_name
from agents.analysis.quarantine import Place, QuarantinedRow, as_csv, rows_from
from agents.analysis.report import FILE, AnalysisReport
from agents.analysis.study_store import StudyStore
from agents.runtime.journal.queries import ItemHistory, item_history
from agents.runtime.model.lifecycle import ENDED
from deployments.gateway.access import Caller, Principal, Scope, allow
from deployments.gateway.problems import Problem
from deployments.gateway.tenancy import journal_of, unknown_item

WORKFLOW = "analyses"
STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
HEADERS = {"x-content-type-options": "nosniff", "cache-control": "no-store"}

router = APIRouter(prefix=f"/v/{WORKFLOW}", tags=["analyses"])
READERS = allow(Scope.READ, Scope.SUBMIT, objects="an analysis of the caller's tenant")


class Row(BaseModel):
    """A quarantined row: where it was, every rule that it broke, and its cells, or the line as it was."""

    source: str
    partition: str
    line: int
    rules: str
    row: dict[str, Any] | None
    raw: str | None


class Rows(BaseModel):
    """A page of quarantined rows; `next` is the `after` of the next page."""

    rows: list[Row]
    next: str | None


class Wanted(BaseModel, extra="forbid"):
    """Which page of rows."""

    after: str | None = Field(None, pattern=r"^\d{1,4}-\d{1,15}$")
    limit: int = Field(100, ge=1, le=1_000)


@router.get("/{key}/report", dependencies=[READERS])
async def report(key: str, principal: Caller) -> AnalysisReport:
    """The report of an analysis that has ended: rows by outcome, what failed, what is published."""
    found = await _found(principal, key)
    output = _output(found, "conclude_analysis")
    if output is None:
        raise _without_report(key, found.item.state)
    return AnalysisReport.model_validate_json(output)


@router.get("/{key}/report.html", response_class=Response, dependencies=[READERS])
async def page(key: str, principal: Caller) -> Response:
    """The report about the models of an analysis with a target, as one HTML page without any script."""
    found = await _found(principal, key)
    if _output(found, "conclude_analysis") is None:
        raise _without_report(key, found.item.state)
    name = study_name(principal.tenant, key)
    text = await asyncio.to_thread(_page_of, name) if name else None
    if text is None:
        detail = f"the analysis {key!r} trained no models, so there is no page about them"
        raise Problem(404, "no-page", detail, f"use /v/{WORKFLOW}/{key}/report")
    headers = HEADERS | {"content-security-policy": _policy(text)}
    return Response(text, media_type="text/html; charset=utf-8", headers=headers)


@router.get("/{key}/quarantine", dependencies=[READERS])
async def quarantine(key: str, principal: Caller, wanted: Annotated[Wanted, Query()]) -> Rows:
    """Rows that broke a rule of the contract."""
    rows, following = await _rows(principal, key, wanted)
    return Rows(rows=[_row(one) for one in rows], next=following)


@router.get("/{key}/quarantine.csv", response_class=Response, dependencies=[READERS])
async def quarantine_as_csv(
    key: str, principal: Caller, wanted: Annotated[Wanted, Query()]
) -> Response:
    """Rows that broke a rule, for a spreadsheet; the header Link leads to the next page (RFC 8288)."""
    rows, following = await _rows(principal, key, wanted)
    headers = HEADERS | {"content-disposition": 'attachment; filename="quarantine.csv"'}
    if following is not None:
        path = f"/v/{WORKFLOW}/{key}/quarantine.csv?after={following}&limit={wanted.limit}"
        headers["link"] = f'<{path}>; rel="next"'
    return Response(as_csv(rows), media_type="text/csv; charset=utf-8", headers=headers)


async def _found(principal: Principal, key: str) -> ItemHistory:
    found = await item_history(journal_of(principal), WORKFLOW, key)
    if found is None:
        raise unknown_item(WORKFLOW, key)
    return found


def _output(found: ItemHistory, agent: str) -> str | None:
    """The fact that the agent has stated about the analysis."""
    done = (step.output for step in found.steps if (step.agent, step.status) == (agent, "done"))
    return next(done, None)


def _without_report(key: str, state: str) -> Problem:
    if state in ENDED:
        detail = f"the analysis {key!r} is {state} and has no report"
        return Problem(404, "no-report", detail, f"see why: GET /v/{WORKFLOW}/{key}")
    detail, advice = f"the analysis {key!r} has not ended: it is {state}", "ask again later"
    return Problem(409, "not-ended", detail, advice, headers={"Retry-After": "5"})


def _page_of(study: str) -> str | None:
    path = StudyStore(study).folder / FILE
    return path.read_text("utf-8") if path.exists() else None


def _policy(text: str) -> str:
    """What the page may load: its own pictures and its own style, and nothing else (W3C, CSP Level 3)."""
    hashes = [b64encode(sha256(style.encode()).digest()).decode() for style in STYLE.findall(text)]
    styles = " ".join(f"'sha256-{one}'" for one in hashes)
    return (
        f"default-src 'none'; img-src data:; style-src {styles}; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'; sandbox"
    )


async def _rows(
    principal: Principal, key: str, wanted: Wanted
) -> tuple[list[QuarantinedRow], str | None]:
    planned = _output(await _found(principal, key), "plan_analysis")
    if planned is None:
        return [], None
    partitions = Planned.model_validate_json(planned).partitions
    rows, following = await asyncio.to_thread(
        rows_from, partitions, _place(wanted.after), wanted.limit
    )
    return rows, None if following is None else f"{following[0]}-{following[1]}"


def _place(after: str | None) -> Place:
    number, _, offset = (after or "0-0").partition("-")
    return int(number), int(offset)


def _row(one: QuarantinedRow) -> Row:
    record = one.record
    return Row(
        source=one.source,
        partition=one.partition,
        line=record["line"],
        rules=one.rules,
        row=record.get("row"),
        raw=record.get("raw"),
    )
