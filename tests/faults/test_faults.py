"""Runs are killed anywhere and other runs finish their work; the harness itself works as documented."""

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterable
from dataclasses import replace

import pytest

from agents.runtime.settings import ROOT
from tests.faults.cells import parse_cell
from tests.faults.environment import Kind
from tests.faults.fixtures import OpenEnvironment, RunCell, environments, fork_server, run_cell
from tests.faults.fork_client import ForkClient
from tests.faults.mutation import mutants, run_mutant
from tests.faults.workload import new_orders

__all__ = ["environments", "fork_server", "run_cell"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("faults"),  # all of them share a fork server and a sandbox
    pytest.mark.asyncio(loop_scope="module"),
]

ALONE = (
    "accepted@2",
    "request@20",
    "called:capture_payment@1",
    "intended:close_payment@1",
    "sent@1",
)
PAIRS = ("written:book_shipment@1+called:close_payment@1", "called:issue_stock@2+ending@1")
OTHERS = (
    "called:issue_stock@1!cancel",
    "zombie=called:capture_payment@1",
    "zombie=ending@1/ending@3",
    "zombie=request@20!cancel",
    "interrupt=written:capture_payment@1",
    "term=called:book_shipment@1",
    "claimed@1!queue",
    "called:capture_payment@1+accepted@1!queue",
    "duplicate=",
    "written:capture_payment@1!rollback",
    "written:authorise_payment@1!spent",  # with the next key in the journal, before it is intended
    "intended:authorise_payment@2!spent",
    "intended:close_payment@1+called:close_payment@1!spent",
)
MUTANTS = (("fence-dropped", "cells"), ("unknown-presumed-absent", "schedules"))
AT_ONCE = 4
POINT = re.compile(r"\bfailpoint\((f?)\"([^\"]+)\"\)")


def names_in_source() -> set[str]:
    """Return every fail point of the source, with * for the part that is known only at run time.

    Orders neither use the bus, nor take resources, nor study data: tests/agents/runtime/messaging/test_kills.py
    covers the points of the first, tests/faults/test_resources.py and test_study.py those of the others.
    """
    others = {ROOT / "agents" / "runtime" / "messaging", ROOT / "agents" / "analysis"}
    paths = [path for path in (ROOT / "agents").rglob("*.py") if path.parent not in others]
    texts = [path.read_text("utf-8") for path in paths]
    found = {name for text in texts for _, name in POINT.findall(text)}
    return {re.sub(r"\{[^}]+\}", "*", name) for name in found} - {"took:*"}


def shape_of(name: str) -> str:
    """Return the name of a point as names_in_source spells it."""
    where, colon, _ = name.partition(":")
    return f"{where}:*" if colon else name


async def check_cells(run_cell: RunCell, cells: Iterable[str], journal: Kind) -> None:
    """Run the cells, a few at a time; assert that none has a violation and that each kill happened."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(cell: str) -> list[str]:
        async with slots:
            result = await run_cell(cell, journal)
        kills = len(parse_cell(cell).points) if parse_cell(cell).kind == "kill" else 0
        # A run that gets no processor time for a lease stops before it can be killed.
        missed = [f"{kills} kills expected"] * (result.kills + result.starved < kills)
        return [f"{cell}: {violation}" for violation in result.violations + missed]

    await run_cell("none=", journal)
    violations = await asyncio.gather(*(one(cell) for cell in cells))
    assert not [violation for some in violations for violation in some]


async def test_kills_on_sqlite_lose_nothing_and_repeat_nothing(
    run_cell: RunCell,
) -> None:
    await check_cells(run_cell, [*ALONE, *PAIRS, *(f"random={n}" for n in range(5))], "sqlite")


async def test_kills_on_postgresql_lose_nothing_and_repeat_nothing(
    run_cell: RunCell,
) -> None:
    await check_cells(run_cell, ["random=0", "random=1", "called:capture_payment@1"], "postgresql")


@pytest.mark.campaign
async def test_zombies_interrupts_and_duplicate_runs_change_nothing(run_cell: RunCell) -> None:
    await check_cells(run_cell, OTHERS, "sqlite")


@pytest.mark.parametrize(
    "name,tier", [pytest.param(*MUTANTS[0], marks=pytest.mark.campaign), *MUTANTS[1:]]
)
async def test_a_broken_product_is_caught(name: str, tier: str) -> None:
    (mutant,) = [mutant for mutant in mutants() if mutant.name == name]
    result = await asyncio.to_thread(run_mutant, mutant, by=(tier,))
    assert result.caught, result.by


async def test_an_armed_point_kills_the_run_at_once(
    fork_server: ForkClient, environments: OpenEnvironment
) -> None:
    environment = await environments()
    async with environment.cell_folder() as (folder, url):
        workload = new_orders(folder, environment.data, url)

        exited = await fork_server.finish(
            replace(workload.run, points={"called:capture_payment": (1, "SIGKILL")})
        )

        assert exited.killed
        assert exited.code is None
        assert len(await workload.unfinished()) >= 4
        assert (await workload.shop.journal()).items.values()
        assert {item["state"] for item in (await workload.shop.journal()).items.values()} >= {
            "processing"
        }


async def test_two_runs_hit_every_point_of_the_source(
    fork_server: ForkClient, environments: OpenEnvironment
) -> None:
    """A run that takes over items of a killed run hits every point, so a new point joins the campaigns."""
    environment = await environments()
    async with environment.cell_folder() as (folder, url):
        workload, file = new_orders(folder, environment.data, url), folder / "hits.json"
        await fork_server.finish(
            replace(workload.run, points={"written:capture_payment": (1, "SIGKILL")})
        )

        exited = await fork_server.finish(replace(workload.run, hits=str(file)))

        assert exited.code == 0
        hits = json.loads(file.read_text("utf-8"))
    assert {shape_of(name) for name in hits} == names_in_source()


async def test_the_fork_server_signals_only_its_own_children(
    fork_server: ForkClient, environments: OpenEnvironment
) -> None:
    other_process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=PIPE
    )
    fork_server.send({"do": "SIGKILL", "pid": other_process.pid})
    environment = await environments()
    async with environment.cell_folder() as (folder, url):
        await fork_server.finish(
            replace(new_orders(folder, environment.data, url).run, seconds=0.0)
        )

    await other_process.communicate(b"\n")
    assert other_process.returncode == 0
