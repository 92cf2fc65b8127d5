"""Artifacts and names of a flow run in Prefect's UI; outside of a flow run nothing is shown.

What cannot be shown ends no work: the server may be down, refuse or be slow. Prefect is loaded when
something is shown, so that this module costs nothing where there is no flow run.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar
from uuid import UUID

from agents.runtime.clock import clock
from agents.runtime.model.batch import RunStats
from agents.runtime.run_context import flow_run_context, flow_run_id, in_flow_run
from agents.runtime.scheduling.eta import of_run
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

SHOWN_OF_INSTALLATION = 8  # characters
of_installation: ContextVar[str] = ContextVar("of_installation", default="")
"""The start of the journal's installation. It stays after the journal is closed: reports are shown then."""

_tables: dict[tuple[str, str], UUID] = {}  # of this process: flow run and key -> artifact

T = TypeVar("T")

TAG = "agent-flows"  # of every flow run of this project
HEARTBEAT_SECONDS = 30  # between two heartbeats of a flow run, Prefect's shortest period
SHOW_SECONDS = 10.0  # for an answer of the server
PAUSE_SECONDS = 60.0  # without progress, after the server gave none


async def rename_run(name: str) -> None:
    """Rename the flow run."""
    context = flow_run_context()
    if context is not None and context.flow_run is not None:
        from prefect.client.orchestration import get_client  # noqa: PLC0415 - loads Prefect

        async with get_client() as client:
            await _shown("name", client.update_flow_run(context.flow_run.id, name=name))


async def publish_table(key: str, rows: Sequence[Mapping[str, Any]], description: str) -> None:
    """Show a table; `key` names it across runs. A run that shows it again updates it in place."""
    if in_flow_run():
        await _shown(key, _show_table(key, [dict(row) for row in rows], description))


async def _show_table(key: str, table: list[dict[str, Any]], description: str) -> None:
    from prefect.artifacts import acreate_table_artifact  # noqa: PLC0415 - loads Prefect
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - the same
    from prefect.client.schemas.actions import ArtifactUpdate  # noqa: PLC0415 - the same

    this = (str(flow_run_id()), key)
    if (known := _tables.get(this)) is None:
        _tables[this] = await acreate_table_artifact(table, _key(key), description)
        return
    async with get_client() as client:
        data = json.dumps(table)  # as Prefect stores tables
        await client.update_artifact(known, ArtifactUpdate(data=data, description=description))


async def publish_markdown(key: str, markdown: str, description: str) -> None:
    """Show a Markdown report; `key` names it across runs."""
    if in_flow_run():
        from prefect.artifacts import acreate_markdown_artifact  # noqa: PLC0415 - loads Prefect

        await _shown(key, acreate_markdown_artifact(markdown, _key(key), description))


async def publish_link(key: str, url: str, text: str) -> None:
    """Show a link; `key` names it across runs."""
    if in_flow_run():
        from prefect.artifacts import acreate_link_artifact  # noqa: PLC0415 - loads Prefect

        await _shown(key, acreate_link_artifact(url, text, _key(key), text))


async def publish_image(key: str, url: str, description: str) -> None:
    """Show an image by its URL, which may be a data URL; `key` names it across runs."""
    if in_flow_run():
        from prefect.artifacts import acreate_image_artifact  # noqa: PLC0415 - loads Prefect

        await _shown(key, acreate_image_artifact(url, _key(key), description))


class Progress:
    """A progress bar in the UI, updated after each batch."""

    def __init__(self, key: str) -> None:
        self._key = _key(key)
        self._id: UUID | None = None
        self._paused_until = 0.0

    async def show(self, stats: RunStats) -> None:
        """Update the bar; do nothing while the number of items is unknown."""
        if not in_flow_run() or not stats.expected or clock().monotonic() < self._paused_until:
            return
        percent = min(100.0, 100.0 * stats.done / stats.expected)
        eta = of_run(stats)
        description = f"{stats.done:,} of {stats.expected:,} items{f', {eta} left' if eta else ''}"
        if not await _shown(self._key, self._update(percent, description)):
            self._paused_until = clock().monotonic() + PAUSE_SECONDS

    async def _update(self, percent: float, description: str) -> bool:
        from prefect.artifacts import (  # noqa: PLC0415 - loads Prefect
            acreate_progress_artifact,
            aupdate_progress_artifact,
        )

        if self._id is None:
            self._id = await acreate_progress_artifact(percent, self._key, description)
        else:
            await aupdate_progress_artifact(self._id, percent, description)
        return True


async def _shown(what: str, request: Awaitable[T]) -> T | None:
    """The answer to the request; None, and a line in the log, if there is none in time."""
    try:
        async with asyncio.timeout(SHOW_SECONDS):
            return await request
    except Exception as error:  # noqa: BLE001 - whatever the server answers
        reason = str(error) or f"no answer within {SHOW_SECONDS:g} s"
        log.warning("not shown in the Prefect UI", what=what, reason=reason)
        return None


def _key(name: str) -> str:
    """The artifact's key in the form that Prefect wants; installations share a server, not a key."""
    whole = f"{name}-{of_installation.get()}"
    return re.sub(r"[^a-z0-9]+", "-", whole.lower()).strip("-")
