"""A small workflow for tests of functions: each entry is written once into a file, the ledger."""

import asyncio
import os
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, Field

from agents.runtime import EFFECT, Batch, EffectKey, Item, Lookup, Scenario, agent, saga
from agents.runtime.settings import settings
from agents.workflow.records import Records
from deployments.functions.declared import FUNCTIONS, Function
from flows.workflows import WORKFLOWS, Workflow


class Entry(BaseModel, frozen=True, extra="forbid"):
    """An entry to write."""

    key: str = Field(pattern=r"^[\w-]{1,40}$")
    n: int = 0
    seconds: float = 0.0  # that it takes


class Written(BaseModel, frozen=True):
    """The entry is in the ledger, under this idempotency key."""

    under: str


def outcome(item: Item) -> str:
    return "written" if item.fact(Written) else str(item.state)


RECORDS = Records(Entry, "key")
ENTRIES = Scenario("entries", "1", Entry, outcome, validate=RECORDS.validate)


def ledger() -> Path:
    """Where the entries are."""
    return settings().data / "ledger.txt"


def written(path: Path) -> list[str]:
    """The entries in the ledger, in their order."""
    return path.read_text("utf-8").split() if path.exists() else []


async def find(_entry: Entry, key: EffectKey) -> Written | None:
    """Look whether the entry is there."""
    return Written(under=key) if key in written(ledger()) else None


@agent(EFFECT, settle=Lookup(find))
async def write_entry(entry: Entry, key: EffectKey) -> Written:
    """Append the key; the ledger itself would take it twice."""
    await asyncio.sleep(entry.seconds)
    handle = os.open(ledger(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, f"{key}\n".encode())
    finally:
        os.close(handle)
    return Written(under=key)


async def process(batch: Batch) -> None:
    """The one step of an entry."""
    async with saga(batch):
        await write_entry(batch)


def declare(function: Function) -> None:
    """Add the workflow and a function of it, as a user does by a line in the code."""
    cast("dict[str, Any]", WORKFLOWS)["entries"] = Workflow(
        f"{__name__}:ENTRIES", f"{__name__}:process"
    )
    cast("dict[str, Any]", FUNCTIONS)[function.name] = function
