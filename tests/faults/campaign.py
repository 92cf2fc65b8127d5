"""Campaigns: many cells at once, each played until nothing is unfinished, then judged."""

import asyncio
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from tests.faults.cells import MAY_CRASH, Cell, moments
from tests.faults.client import Hung, NurseryClient, open_nursery
from tests.faults.ground import Ground, Journals, Kind, open_ground, open_journals
from tests.faults.judge import Case, sorts
from tests.faults.nursery import BLOCKED, CRASHED, STARVED
from tests.faults.outages import open_line
from tests.faults.runs import Ended, Run
from tests.faults.sabotage import next_release
from tests.faults.scene import OrderScene, Scene, new_scene

MOST_RECOVERIES = 6
CELLS_A_SANDBOX = 100
CROWD = 3  # a run among others takes about so much longer
TWINS_LEASE = 10.0  # nobody dies there; a starved machine must not look like a death
SetScene = Callable[[Path, Path, str, float], Scene]
Choose = Callable[[dict[str, int]], Sequence[Cell]]
SECOND_BLOW = 1.0  # seconds from SIGTERM to SIGKILL
SIGNALS = {"interrupt": "SIGINT", "term": "SIGTERM"}


@dataclass(slots=True)
class Played:
    """What happened in a cell."""

    cell: Cell
    seed: int
    runs: list[Ended] = field(default_factory=list)
    wounded: set[int] = field(default_factory=set)
    stopped: int = 0
    last_blow: float | None = None
    recovered: float | None = None
    breaches: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """Kills that really happened."""
        return sum(ended.killed for ended in self.runs)

    @property
    def starved(self) -> int:
        """Runs that got no processor for the length of a lease, and stopped as they should."""
        return sum(ended.code == STARVED for ended in self.runs)

    def told(self) -> dict[str, Any]:
        """One line of the history file."""
        return {
            "at": time.time(),
            "cell": str(self.cell),
            "seed": self.seed,
            "runs": [str(ended) for ended in self.runs],
            "kills": self.kills,
            "stops": self.stopped,
            "recovery": self.recovered and round(self.recovered, 3),
            "verdict": self.breaches or "ok",
        }


@dataclass(frozen=True, slots=True)
class Quiet:
    """What random moments depend on: seed, seconds of an undisturbed run, seconds of a lease."""

    seed: int
    seconds: float
    lease: float = 1.0


class Player:
    """Plays cells in one nursery on one ground, each on a scene of its own that `set_scene` makes."""

    def __init__(
        self,
        nursery: NurseryClient,
        ground: Ground,
        quiet: Quiet,
        set_scene: SetScene = new_scene,
    ) -> None:
        self._nursery, self._ground, self._quiet, self._set = nursery, ground, quiet, set_scene
        self._seed, self._undisturbed = quiet.seed, quiet.seconds
        self.other: Player | None = None  # the same with the next release of the code

    async def play(self, cell: Cell, keep: Path | None = None) -> Played:
        """Play one cell and judge it; the folder of one that failed is kept below `keep`."""
        played = Played(cell, self._seed)
        async with self._ground.plot() as (folder, url):
            scene = self._set(folder, self._ground.data, url, self._quiet.lease)
            if cell.queue:
                assert isinstance(scene, OrderScene), "only orders are queued"
                scene = replace(scene, work="consume")
            try:
                first, then = self._sides(cell)
                await first._disturb(scene, played)
                await then._recover(scene, played)
                buried = cell.kind == "files"
                case = Case(scene.expected, played.wounded, cell.cancel, buried)
                played.breaches += await scene.judge(case)
            except Hung as error:
                played.breaches.append(f"liveness: {error}")
            wrong = {CRASHED} if cell.kind == "zombie" else {CRASHED, BLOCKED}
            calm = played.runs[1:] if cell.kind in MAY_CRASH else played.runs
            if any(ended.code in wrong for ended in calm):
                played.breaches.append("a run ended by an error, see run.log")
            if played.breaches and keep:
                shutil.copytree(folder, keep / scene.name, dirs_exist_ok=True)
        return played

    def _sides(self, cell: Cell) -> tuple["Player", "Player"]:
        """Whose release begins, and whose finishes."""
        if not cell.release:
            return self, self
        assert self.other is not None, "the next release is not open"
        return (self, self.other) if cell.release == "next" else (self.other, self)

    async def _disturb(self, scene: Scene, played: Played) -> None:
        how = {
            "kill": self._kill,
            "random": self._random,
            "zombie": self._zombie,
            "twins": self._twins,
            "crowd": self._crowd,
            "commit": self._cut_off,
            "restart": self._restart,
            "full": self._starve,
            "files": self._starve,
            "interrupt": self._signal,
            "term": self._signal,
            "term+kill": self._signal_and_kill,
        }
        if played.cell.kind != "quiet":
            await how[played.cell.kind](scene, played)

    async def _kill(self, scene: Scene, played: Played) -> None:
        for name, hit in played.cell.points:
            await self._finish(replace(scene.run, points={name: (hit, "SIGKILL")}), played)
            if played.cell.cancel:
                await self._finish(replace(scene.run, job="cancel"), played)

    async def _random(self, scene: Scene, played: Played) -> None:
        number, lease = played.cell.number, self._quiet.lease
        for seconds in moments(self._seed, number, self._undisturbed, lease):
            await self._finish(replace(scene.run, seconds=seconds), played)

    async def _signal(self, scene: Scene, played: Played) -> None:
        ((name, hit),) = played.cell.points
        await self._finish(
            replace(scene.run, points={name: (hit, SIGNALS[played.cell.kind])}), played
        )

    async def _signal_and_kill(self, scene: Scene, played: Played) -> None:
        ((name, hit),) = played.cell.points
        child = self._nursery.begin(replace(scene.run, points={name: (hit, "SIGTERM")}))
        with suppress(TimeoutError):
            async with asyncio.timeout(SECOND_BLOW + self._undisturbed):
                await asyncio.shield(child.ended())
        await child.signal("SIGKILL")
        self._note(await child.ended(), played)

    async def _starve(self, scene: Scene, played: Played) -> None:
        most, full = played.cell.number, played.cell.kind == "full"
        run = replace(scene.run, full=most * full, files=most * (not full))
        await self._finish(run, played)

    async def _cut_off(self, scene: Scene, played: Played) -> None:
        run = scene.run
        async with open_line(run.journal, Path(run.folder)) as broken:
            broken.cut_at = played.cell.number
            await self._finish(replace(run, journal=broken.url), played)

    async def _zombie(self, scene: Scene, played: Played) -> None:
        """The first stands still, the second takes over as soon as the lease has run out."""
        names = [{name: (hit, "SIGSTOP")} for name, hit in played.cell.points]
        first = self._nursery.begin(replace(scene.run, points=names[0]))
        children = [first]
        try:
            if await first.stopped():
                self._wound(played, await first.pid())
            if played.cell.cancel:
                await self._finish(replace(scene.run, job="cancel"), played)
            second = self._nursery.begin(replace(scene.run, points=names[1] if names[1:] else {}))
            children.append(second)
            if names[1:] and await second.stopped():
                self._wound(played, await second.pid())
            elif not names[1:]:
                await second.ended()
            for child in children:
                await child.signal("SIGCONT")
                played.runs.append(await child.ended())
        finally:
            for child in children:
                await child.signal("SIGKILL")

    async def _restart(self, scene: Scene, played: Played) -> None:
        moment, *_ = moments(self._seed, played.cell.number, self._undisturbed)
        child = self._nursery.begin(scene.run)
        await child.pid()
        await asyncio.sleep(moment)
        await self._ground.restart_journals()
        self._note(await child.ended(), played)

    def _wound(self, played: Played, pid: int) -> None:
        played.wounded.add(pid)
        played.stopped += 1
        played.last_blow = time.monotonic()

    async def _twins(self, scene: Scene, played: Played) -> None:
        both = [self._nursery.begin(replace(scene.run, lease=TWINS_LEASE)) for _ in range(2)]
        played.runs += [await child.ended() for child in both]

    async def _crowd(self, scene: Scene, played: Played) -> None:
        """Several living runs at once, all but one of which are killed at some moment."""
        kills = moments(self._seed, played.cell.number, self._undisturbed * CROWD)
        runs = [replace(scene.run, seconds=seconds) for seconds in kills]
        crowd = [self._nursery.begin(run) for run in [*runs, scene.run]]
        played.runs += [await child.ended() for child in crowd]
        # On a starved machine a living one may lose its lease of a second, and that is legal.
        played.wounded |= {ended.pid for ended in played.runs}
        played.last_blow = max((e.at for e in played.runs if e.killed), default=None)

    async def _recover(self, scene: Scene, played: Played) -> None:
        """Undisturbed runs until nothing is left to do; each waits itself for what the dead held."""
        lease = TWINS_LEASE if played.cell.kind == "twins" else self._quiet.lease
        for _ in range(MOST_RECOVERIES):
            if not await scene.unfinished():
                break
            run = replace(scene.run, lease=lease)
            if await scene.only_untold():
                run = replace(run, job="reconcile")
                await asyncio.sleep(lease)  # what a dead process was sending is its own for so long
            await self._finish(run, played)
        if played.last_blow is not None and played.runs:
            played.recovered = max(0.0, played.runs[-1].at - played.last_blow)

    async def _finish(self, run: Run, played: Played) -> Ended:
        return self._note(await self._nursery.finish(run), played)

    def _note(self, ended: Ended, played: Played) -> Ended:
        played.runs.append(ended)
        if ended.signal is not None or ended.code:
            played.wounded.add(ended.pid)
            played.last_blow = ended.at
        return ended


@dataclass(frozen=True, slots=True)
class Recorded:
    """An undisturbed run: the points it passed and how often, how long it took, what was wrong."""

    hits: dict[str, int]
    seconds: float
    breaches: list[str]


async def recorded(
    nursery: NurseryClient, ground: Ground, set_scene: SetScene = new_scene
) -> Recorded:
    """Record an undisturbed run; whatever is wrong with it is wrong without any fault."""
    async with ground.plot() as (folder, url):
        scene = set_scene(folder, ground.data, url, 1.0)
        file = folder / "hits.json"
        ended = await nursery.finish(replace(scene.run, hits=str(file)))
        breaches = await scene.judge(Case(scene.expected, set()))
        if ended.code != 0:
            breaches.append(f"an undisturbed run ended with {ended}")
        return Recorded(json.loads(file.read_text("utf-8")), ended.seconds, breaches)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a campaign shares: seed, kind of journal, cells at once, its history file, what is played on."""

    seed: int
    journal: Kind
    at_once: int
    history: Path
    lease: float = 1.0
    set_scene: SetScene = new_scene
    preload: tuple[str, ...] = ()


async def campaign(
    nursery: NurseryClient, journals: Journals, plan: Plan, cells: Sequence[Cell]
) -> list[Played]:
    """Play all cells, a fresh sandbox for every hundred, and write the history as they end."""
    played: list[Played] = []
    plan.history.parent.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        history = stack.enter_context(plan.history.open("a", encoding="utf-8"))
        other = None
        if any(cell.release for cell in cells):
            tree = await stack.enter_async_context(next_release())
            other = await stack.enter_async_context(open_nursery(tree))
        for start in range(0, len(cells), CELLS_A_SANDBOX):
            async with open_ground(journals) as ground:
                quiet = await recorded(nursery, ground, plan.set_scene)
                if quiet.breaches:
                    played.append(Played(Cell("quiet"), plan.seed, breaches=quiet.breaches))
                known = Quiet(plan.seed, quiet.seconds, plan.lease)
                player = Player(nursery, ground, known, plan.set_scene)
                player.other = Player(other, ground, known, plan.set_scene) if other else None
                waiting = iter(cells[start : start + CELLS_A_SANDBOX])

                async def work(player: Player = player, waiting: Any = waiting) -> None:
                    for cell in waiting:
                        done = await player.play(cell, plan.history.parent)
                        played.append(done)
                        history.write(json.dumps({"journal": plan.journal, **done.told()}) + "\n")
                        history.flush()

                await asyncio.gather(*(work() for _ in range(plan.at_once)))
    return played


def summary(played: Sequence[Played], plan: Plan) -> dict[str, Any]:
    """The counts of a campaign, and for each failing cell the command that replays it."""
    breaches = [breach for one in played for breach in one.breaches]
    recoveries = sorted(one.recovered for one in played if one.recovered is not None)
    study = " --study" * (plan.set_scene is not new_scene)
    replay = f"python -m tests.faults{study} --journal {plan.journal} --seed {plan.seed} --cell"
    return {
        "journal": plan.journal,
        "seed": plan.seed,
        "cells": len(played),
        "kinds": dict(Counter(one.cell.kind for one in played)),
        "kills": sum(one.kills for one in played),
        "stops": sum(one.stopped for one in played),
        "starved": sum(one.starved for one in played),
        "blocked": sum(ended.code == BLOCKED for one in played for ended in one.runs),
        "cells_undisturbed": sum(one.last_blow is None for one in played),
        **sorts(breaches),
        "violations": sum(bool(one.breaches) for one in played),
        "recovery_median_s": round(median(recoveries), 3) if recoveries else None,
        "recovery_p99_s": _p99(recoveries),
        "replay": sorted({f"{replay} '{one.cell}'" for one in played if one.breaches}),
    }


def _p99(values: list[float]) -> float | None:
    if len(values) < 2:
        return round(values[0], 3) if values else None
    return round(quantiles(values, n=100, method="inclusive")[-1], 3)


async def explore(plan: Plan, choose: Choose, kills: int = 0) -> list[Played]:
    """Open everything, let `choose` name the cells from the recorded points, and play them.

    Then cells of random kills until so many `kills` have happened.
    """
    async with AsyncExitStack() as stack:
        nursery = await stack.enter_async_context(open_nursery(preload=plan.preload))
        journals = await stack.enter_async_context(open_journals(plan.journal))
        async with open_ground(journals) as ground:
            hits = (await recorded(nursery, ground, plan.set_scene)).hits
        played = await campaign(nursery, journals, plan, choose(hits))
        numbers, happened = count(), 0
        while happened < kills:
            # One to three kills a cell, and some come after the end.
            few = max(plan.at_once, (kills - happened) // 2)
            cells = [Cell("random", number=next(numbers)) for _ in range(min(few, CELLS_A_SANDBOX))]
            more = await campaign(nursery, journals, plan, cells)
            happened += sum(one.kills for one in more)
            played += more
        return played
