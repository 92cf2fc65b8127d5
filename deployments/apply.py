"""Makes what resources.py declares: `python -m deployments.apply`; with `--plan` it only shows the changes.

Pools, queues, limits and automations are on a Prefect server; capacities of resources and bounds of scaling
are in the journal. What an earlier `apply` made and what is no longer declared is removed; nothing else is.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from prefect.client.orchestration import PrefectClient, get_client
from pydantic import TypeAdapter

from agents.runtime.command_line import run_command
from agents.runtime.journal.capacity_admin import declare
from agents.runtime.journal.database import Database
from agents.runtime.journal.scale import declare_bounds
from agents.runtime.scheduling.scaling import ScaleBounds
from agents.runtime.settings import settings
from deployments.environment import has_journal
from deployments.kubernetes.values import Image
from deployments.pruning import Record, read_record, removals, write_record
from deployments.resources import (
    AUTOMATIONS,
    CAPACITIES,
    LIMITS,
    POOLS,
    RETIRED,
    SCALES,
    Capacity,
    UnknownCloud,
    cloud_pools,
)
from deployments.server_changes import Change, Declared, WrongPoolType
from flows.cli.error_messages import explained

DECLARED = Declared(POOLS, LIMITS, AUTOMATIONS, RETIRED)


def declared_here(image: str | None = None) -> Declared:
    """What is declared, with a pool for each cloud that this installation uses. Raises UnknownCloud."""
    return replace(DECLARED, pools=(*POOLS, *cloud_pools(settings().clouds, image)))


async def apply(declared: Declared = DECLARED, *, prune: bool = False) -> list[str]:
    """Make the changes on the Prefect server; returns a line for each. Raises WrongPoolType.

    With `prune` what an earlier run made and what is no longer declared is removed.
    """
    lines = list[str]()
    async with get_client() as client:
        before = await read_record(client)
        record = dict(before)
        try:
            for change in await _changes(client, declared, before if prune else {}):
                made = await change.make()
                lines.append(change.done)
                if change.verb == "create":
                    record[change.what] = str(made)
                elif change.verb == "remove":
                    record.pop(change.what, None)
        finally:  # what has been made is recorded, although something else could not be made
            if record != before:
                await write_record(client, record)
    return lines


async def _changes(client: PrefectClient, declared: Declared, record: Record) -> list[Change]:
    return [
        *await declared.changes(client),
        *await removals(client, record, declared.names),
    ]


async def plan(declared: Declared = DECLARED) -> list[str]:
    """What `apply` would change on the Prefect server, a line each; nothing is changed. Raises WrongPoolType."""
    async with get_client() as client:
        return [str(one) for one in await _changes(client, declared, await read_record(client))]


class _OnlyShown(Exception):
    """Ends the transaction of a plan: nothing of it is kept."""


async def apply_to_journal(
    database: Database,
    capacities: Sequence[Capacity] = CAPACITIES,
    scales: Mapping[str, ScaleBounds] = SCALES,
    *,
    keep: bool = True,
) -> list[str]:
    """Declare capacities and bounds of scaling in the journal; returns a line for each change.

    What an operator has set on this installation is kept, and named by `deployments.check`. Without `keep`
    the changes are returned and taken back.
    """
    lines = list[str]()
    with suppress(_OnlyShown):
        async with database.write() as connection:
            lines += await declare(connection, [one.setting for one in capacities])
            lines += await declare_bounds(connection, scales)
            if not keep:
                raise _OnlyShown
    return lines


async def _apply_all(declared: Declared) -> list[str]:
    database = Database(settings().journal)
    try:
        await database.migrate()
        return [*await apply(declared, prune=True), *await apply_to_journal(database)]
    finally:
        await database.close()


async def _plan_all(declared: Declared) -> list[str]:
    lines = await plan(declared)
    if not has_journal():
        return [*lines, "create the journal with its capacities and bounds of scaling"]
    database = Database(settings().journal)
    try:
        if not await database.is_current():
            return [*lines, "migrate the journal, then set its capacities and bounds of scaling"]
        return [*lines, *await apply_to_journal(database, keep=False)]
    finally:
        await database.close()


def _image(text: str) -> str:
    """An image with a version, as in the values of the manifests. Raises ValueError."""
    return TypeAdapter[str](Image).validate_python(text)


def main() -> int:
    """Apply the declarations, or with --plan only compare, and print each change."""
    parser = argparse.ArgumentParser(prog="python -m deployments.apply", description=__doc__)
    parser.add_argument("--plan", action="store_true", help="show the changes and make none")
    parser.add_argument(
        "--image", type=_image, help="what clouds run as containers, with a version"
    )
    asked = parser.parse_args()
    try:
        declared = declared_here(asked.image)
        changes = asyncio.run((_plan_all if asked.plan else _apply_all)(declared))
    except (WrongPoolType, UnknownCloud) as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(changes) or "nothing to change")
    return 0


if __name__ == "__main__":
    run_command(main, partial(explained, {}))
