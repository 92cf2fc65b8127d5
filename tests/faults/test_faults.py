"""Runs die anywhere and others finish their work; and the harness that shows it does what it says."""

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
from tests.faults.client import NurseryClient
from tests.faults.fixtures import OpenGround, Play, grounds, nursery, play
from tests.faults.ground import Kind
from tests.faults.sabotage import mutants, sabotage
from tests.faults.scene import new_scene

__all__ = ["grounds", "nursery", "play"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("faults"),  # one nursery and one sandbox for all of them
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
    "twins=",
    "written:capture_payment@1!back",
)
MUTANTS = (("fence-dropped", "cells"), ("unknown-presumed-absent", "schedules"))
AT_ONCE = 4
POINT = re.compile(r"\bfailpoint\((f?)\"([^\"]+)\"\)")


def names_in_source() -> set[str]:
    """Every point in the source, with * for what is filled in at run time.

    Those of the bus, which orders do not use, are played by tests/agents/runtime/messaging/test_kills.py.
    """
    paths = [path for path in (ROOT / "agents").rglob("*.py") if path.parent.name != "messaging"]
    texts = [path.read_text("utf-8") for path in paths]
    found = {name for text in texts for _, name in POINT.findall(text)}
    return {re.sub(r"\{[^}]+\}", "*", name) for name in found}


def shape_of(name: str) -> str:
    """A point's name as the source spells it."""
    where, colon, _ = name.partition(":")
    return f"{where}:*" if colon else name


async def all_kept(play: Play, cells: Iterable[str], journal: Kind) -> None:
    """Play the cells, a few at a time; nothing may be broken, and what was to die must have died."""
    few = asyncio.Semaphore(AT_ONCE)

    async def one(cell: str) -> list[str]:
        async with few:
            played = await play(cell, journal)
        blows = len(parse_cell(cell).points) if parse_cell(cell).kind == "kill" else 0
        # Who got no processor for the length of a lease stopped before it could be killed.
        missed = [f"{blows} kills asked for"] * (played.kills + played.starved < blows)
        return [f"{cell}: {breach}" for breach in played.breaches + missed]

    await play("quiet=", journal)
    breaches = await asyncio.gather(*(one(cell) for cell in cells))
    assert not [breach for some in breaches for breach in some]


async def test_whatever_dies_on_sqlite_nothing_is_lost_and_nothing_happens_twice(
    play: Play,
) -> None:
    await all_kept(play, [*ALONE, *PAIRS, *(f"random={n}" for n in range(5))], "sqlite")


async def test_whatever_dies_on_postgresql_nothing_is_lost_and_nothing_happens_twice(
    play: Play,
) -> None:
    await all_kept(play, ["random=0", "random=1", "called:capture_payment@1"], "postgresql")


async def test_zombies_interruptions_and_rivals_change_nothing(play: Play) -> None:
    await all_kept(play, OTHERS, "sqlite")


@pytest.mark.parametrize("name,way", MUTANTS)
async def test_a_broken_product_is_caught(name: str, way: str) -> None:
    (mutant,) = [mutant for mutant in mutants() if mutant.name == name]
    judged = await asyncio.to_thread(sabotage, mutant, by=(way,))
    assert judged.caught, judged.by


async def test_an_armed_point_kills_the_run_there_and_then(
    nursery: NurseryClient, grounds: OpenGround
) -> None:
    ground = await grounds()
    async with ground.plot() as (folder, url):
        scene = new_scene(folder, ground.data, url)

        ended = await nursery.finish(
            replace(scene.run, points={"called:capture_payment": (1, "SIGKILL")})
        )

        assert ended.killed
        assert ended.code is None
        assert len(await scene.unfinished()) >= 4
        assert (await scene.shop.journal()).items.values()
        assert {item["state"] for item in (await scene.shop.journal()).items.values()} >= {
            "processing"
        }


async def test_every_point_in_the_source_is_found_by_the_recorder(
    nursery: NurseryClient, grounds: OpenGround
) -> None:
    """A run, and one that takes over what a killed one left, pass them all: new ones join so."""
    ground = await grounds()
    async with ground.plot() as (folder, url):
        scene, file = new_scene(folder, ground.data, url), folder / "hits.json"
        await nursery.finish(replace(scene.run, points={"written:capture_payment": (1, "SIGKILL")}))

        ended = await nursery.finish(replace(scene.run, hits=str(file)))

        assert ended.code == 0
        hits = json.loads(file.read_text("utf-8"))
    assert {shape_of(name) for name in hits} == names_in_source()


async def test_the_nursery_signals_only_its_own_children(
    nursery: NurseryClient, grounds: OpenGround
) -> None:
    stranger = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=PIPE)
    nursery.send({"do": "SIGKILL", "pid": stranger.pid})
    ground = await grounds()
    async with ground.plot() as (folder, url):
        await nursery.finish(replace(new_scene(folder, ground.data, url).run, seconds=0.0))

    await stranger.communicate(b"\n")
    assert stranger.returncode == 0
