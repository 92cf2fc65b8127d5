"""Alerts: a person must act. Each is a line of the log; one event for all of a kind starts automations.

An agent raises alerts while its batch is in work; they are sent with the end of the step, so that an
outage of 256 items is one event. Each event has a link to the form that acts on the item.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from agents.runtime.run_context import in_flow_run
from agents.runtime.telemetry import current_work, get_logger

log = get_logger(__name__)

MOST_KEYS = 20  # of an event; the log has all
LOOKUP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Alert:
    """What happened to which item, and why."""

    what: str
    scenario: str
    key: str
    reason: str
    trace: str = ""


Form = tuple[str, Callable[[Alert], Mapping[str, Any]]]
_DECIDE: Form = ("decide/decide", lambda a: {"key": a.key, "scenario": a.scenario})
_REPLAY: Form = ("replay/replay", lambda a: {"keys": [a.key], "scenario": a.scenario})
_VERSIONS: Form = ("versions/versions", lambda a: {"scenario": a.scenario})
FORMS: Mapping[str, Form] = {
    "parked": _DECIDE,
    "escalated": _DECIDE,
    "dead-letter": _REPLAY,
    "dead-letter.old": _REPLAY,
    "difference": ("reconcile/reconcile", lambda a: {"scenario": a.scenario, "undo": True}),
    "undelivered": ("resend/resend", lambda a: {"key": a.key, "scenario": a.scenario}),
    "backlog": ("backlog/backlog", lambda a: {"scenario": a.scenario}),
    "rolled-back": _VERSIONS,
    "drained": _VERSIONS,
    "version-missing": _VERSIONS,
}
"""The deployment that a person runs after an alert, and the parameters that are filled in."""

of_batch: ContextVar[list[Alert] | None] = ContextVar("of_batch", default=None)
"""The alerts of the batch in work; a step sends them at its end."""


def alert(what: str, scenario: str, key: str, reason: str, trace: str = "") -> None:
    """Raise an alert; it is sent with the others of its batch. Without a batch it is only logged.

    Args:
        what: The kind of alert, such as "out-of-stock".
        scenario: Scenario of the item.
        key: Key of the item.
        reason: What happened, for the person who must act.
        trace: Trace id of the item; by default that of the item in work.

    """
    raised = Alert(what, scenario, key, reason, trace or current_work().known_trace)
    waiting = of_batch.get()
    if waiting is None:
        _log(raised)
    else:
        waiting.append(raised)


async def send(alerts: Iterable[Alert]) -> None:
    """Log each alert and send one event for all of a kind and scenario."""
    kinds: dict[tuple[str, str], list[Alert]] = {}
    for one in alerts:
        _log(one)
        kinds.setdefault((one.what, one.scenario), []).append(one)
    if in_flow_run():
        for same in kinds.values():
            try:
                await _emit(same)
            except Exception as error:  # noqa: BLE001 - the work goes on, and the log has the alert
                log.warning("an alert is not an event", alert=same[0].what, error=str(error))


def _log(one: Alert) -> None:
    item = {"item": one.key, "reason": one.reason} | ({"trace": one.trace} if one.trace else {})
    log.warning(one.what, scenario=one.scenario, **item)


async def _emit(same: list[Alert]) -> None:
    from prefect.events import emit_event  # noqa: PLC0415 - loaded, as this is a flow run

    first = same[0]
    more = f" and {len(same) - 1:,} more" if len(same) > 1 else ""
    emit_event(
        event=f"agent-flows.{first.what}",
        resource={"prefect.resource.id": f"agent-flows.{first.scenario}.{first.key}"},
        payload={
            "reason": f"{first.key}: {first.reason}{more}",
            "count": len(same),
            "items": [one.key for one in same[:MOST_KEYS]],
            "form": await form_url(first),
        },
    )


async def form_url(one: Alert) -> str:
    """The page in Prefect's UI that runs the deployment for this alert; empty if there is none.

    Prefect's UI reads the values of a form from the parameter `parameters` of the address.
    """
    if one.what not in FORMS:
        return ""
    from prefect.utilities.urls import url_for  # noqa: PLC0415 - as above

    name, filled_in = FORMS[one.what]
    if (deployment := await _deployment_id(name)) is None:
        return ""
    page = url_for("deployment", obj_id=deployment, url_type="ui")
    return f"{page}/run?parameters={quote(json.dumps(filled_in(one)))}" if page else ""


async def _deployment_id(name: str) -> str | None:
    """The id of a deployment, if it is deployed and the server answers in time."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - as above

    try:
        async with asyncio.timeout(LOOKUP_SECONDS), get_client() as client:
            return str((await client.read_deployment_by_name(name)).id)
    except Exception as error:  # noqa: BLE001 - an alert without a link is better than none
        log.info("an alert has no link to a form", deployment=name, error=str(error))
        return None
