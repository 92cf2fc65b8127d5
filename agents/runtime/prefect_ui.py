"""Artifacts and names of a flow run in Prefect's UI; outside of a flow run nothing is shown."""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    acreate_image_artifact,
    acreate_link_artifact,
    acreate_markdown_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.context import FlowRunContext
from prefect.runtime import flow_run

from agents.runtime.model.batch import RunStats

_tables: dict[tuple[str, str], UUID] = {}  # of this process: flow run and key -> artifact


def in_flow_run() -> bool:
    """Whether this code runs within a flow run."""
    return FlowRunContext.get() is not None


async def rename_run(name: str) -> None:
    """Rename the flow run."""
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        async with get_client() as client:
            await client.update_flow_run(context.flow_run.id, name=name)


async def publish_table(key: str, rows: Sequence[Mapping[str, Any]], description: str) -> None:
    """Show a table; `key` names it across runs. A run that shows it again updates it in place."""
    if not in_flow_run():
        return
    table, this = [dict(row) for row in rows], (str(flow_run.get_id()), key)
    if (known := _tables.get(this)) is None:
        _tables[this] = await acreate_table_artifact(table, _key(key), description)
        return
    async with get_client() as client:
        data = json.dumps(table)  # as Prefect stores tables
        await client.update_artifact(known, ArtifactUpdate(data=data, description=description))


async def publish_markdown(key: str, markdown: str, description: str) -> None:
    """Show a Markdown report; `key` names it across runs."""
    if in_flow_run():
        await acreate_markdown_artifact(markdown, _key(key), description)


async def publish_link(key: str, url: str, text: str) -> None:
    """Show a link; `key` names it across runs."""
    if in_flow_run():
        await acreate_link_artifact(url, text, _key(key), text)


async def publish_image(key: str, url: str, description: str) -> None:
    """Show an image by its URL, which may be a data URL; `key` names it across runs."""
    if in_flow_run():
        await acreate_image_artifact(url, _key(key), description)


class Progress:
    """A progress bar in the UI, updated after each batch."""

    def __init__(self, key: str) -> None:
        self._key = _key(key)
        self._id: UUID | None = None

    async def show(self, stats: RunStats) -> None:
        """Update the bar; do nothing while the number of items is unknown."""
        if not in_flow_run() or not stats.expected:
            return
        percent = min(100.0, 100.0 * stats.done / stats.expected)
        description = f"{stats.done:,} of {stats.expected:,} items"
        if self._id is None:
            self._id = await acreate_progress_artifact(percent, self._key, description)
            return
        # The run continues if the bar cannot be updated.
        with suppress(Exception):
            await aupdate_progress_artifact(self._id, percent, description)


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
