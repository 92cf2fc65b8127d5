"""Cells of the test matrix: the faults that one set of runs meets, written so that one line replays it.

    A@1             the first run is killed at the first hit of fail point A
    A@1+B@2         then the next run is killed at the second hit of B
    random=17       one to three runs are killed at moments that the campaign's seed and 17 give
    zombie=A@1      the first run is stopped at A until its lease has expired and another run has finished
    zombie=A@1/B@3  the other run has work of its own, and is stopped at B until the first run ends
    interrupt=A@1   Ctrl-C at A
    term=A@1        SIGTERM at A
    term+kill=A@1   SIGTERM at A, and SIGKILL one second later
    parallel=17     like random, but the runs are at work together, with one more that is not killed
    duplicate=      two runs process the same orders at the same time, and none is killed
    commit=7        the connection to PostgreSQL breaks after the seventh COMMIT, before its response
    restart=17      PostgreSQL is stopped (-m immediate) and started again at a moment of the run
    clock=17        the clock of the database is set at a moment of the run, by an hour forward or back
    full=40         no file may grow beyond 40 KiB: the disk is full
    files=12        at most 12 files may be open
    none=           no fault
A cell of kills or zombies may end with !cancel: after each fault an operator cancels all orders. A cell
of kills may end with !upgrade: the next release of the code finishes the work; or with !rollback: the
next release begins and this release finishes. With !queue the orders are enqueued, and the runs are
consumers. With !spent the payment provider answers the first call of each step with a failure that it
stores and repeats under its key: the opening and the refund are done, the other steps are not.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Any, Literal, get_args

Kind = Literal[
    "kill",
    "random",
    "parallel",
    "zombie",
    "interrupt",
    "term",
    "term+kill",
    "duplicate",
    "none",
    "commit",
    "restart",
    "full",
    "files",
    "clock",
]
KINDS: tuple[Kind, ...] = get_args(Kind)[1:]
NUMBERED = {"random", "parallel", "commit", "restart", "full", "files", "clock"}
RELEASES = ("upgrade", "rollback")
MAY_CRASH = {
    "commit",
    "restart",
    "full",
    "files",
}  # a run may end with an error without its journal
Point = tuple[str, int]

MAX_RANDOM_KILLS = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell; `points` are in the order in which the runs hit them."""

    kind: Kind
    points: tuple[Point, ...] = ()
    number: int = 0
    cancel: bool = False
    release: str = ""
    queue: bool = False
    spent: bool = False

    def __str__(self) -> str:
        joint = "/" if self.kind == "zombie" else "+"
        points = joint.join(f"{name}@{hit}" for name, hit in self.points)
        value = str(self.number) if self.kind in NUMBERED else points
        text = value if self.kind == "kill" else f"{self.kind}={value}"
        flags = ("cancel", "queue", "spent")
        options = (*(flag for flag in flags if getattr(self, flag)), self.release)
        return "!".join((text, *filter(None, options)))


def parse_cell(spec: str) -> Cell:
    """Return the cell that str(cell) has written. Raises ValueError."""
    text, *words = spec.split("!")
    release = "".join(word for word in words if word in RELEASES)
    options: Any = {flag: flag in words for flag in ("cancel", "queue", "spent")}
    options |= {"release": release}
    for kind in KINDS:
        if text.startswith(f"{kind}="):
            value = text.removeprefix(f"{kind}=")
            if kind in NUMBERED:
                return Cell(kind, number=int(value), **options)
            return Cell(kind, _points(value, "/"), **options)
    return Cell("kill", _points(text, "+"), **options)


def moments(seed: int, number: int, undisturbed: float, lease: float = 1.0) -> list[float]:
    """Return when the runs of a random cell are killed, in seconds after each start.

    `undisturbed` is how long a run takes without faults. A run after a kill first waits until the
    `lease` of the killed process has expired.
    """
    rng = Random(f"{seed}/{number}")
    kills = rng.randint(1, MAX_RANDOM_KILLS)
    return [rng.uniform(0, undisturbed + (1.2 * lease if n else 0)) for n in range(kills)]


def alone(hits: dict[str, int]) -> list[Cell]:
    """Return a cell for each point alone: at its first, its second and its last hit."""
    return [
        Cell("kill", ((name, hit),))
        for name, most in sorted(hits.items())
        for hit in sorted({1, min(2, most), most})
    ]


def paired(hits: dict[str, int], rng: Random, most: int) -> list[Cell]:
    """Return a sample of at most `most` pairs of points, each at its first hit."""
    names = sorted(hits)
    pairs = [Cell("kill", ((first, 1), (second, 1))) for first in names for second in names]
    return rng.sample(pairs, min(most, len(pairs)))


def cancelled(hits: dict[str, int]) -> list[Cell]:
    """Return cells with a cancellation: after each point alone, and before each request of a zombie."""
    late = range(1, hits.get("request", 0) + 1)
    return [
        *(replace(cell, cancel=True) for cell in alone(hits)),
        *(Cell("zombie", (("request", hit),), cancel=True) for hit in late),
    ]


def across_releases(hits: dict[str, int]) -> list[Cell]:
    """Return cells that one release begins and another finishes: each point, in both directions."""
    return [
        Cell("kill", ((name, 1),), release=release) for name in sorted(hits) for release in RELEASES
    ]


def queued(hits: dict[str, int], random: int) -> list[Cell]:
    """Return cells that kill consumers: at the first hit of each point, and at `random` moments."""
    return [
        *(Cell("kill", ((name, 1),), queue=True) for name in sorted(hits)),
        *(Cell("random", number=number, queue=True) for number in range(random)),
    ]


def _points(text: str, joint: str) -> tuple[Point, ...]:
    points = [one.rpartition("@") for one in text.split(joint) if one]
    return tuple((name, int(hit)) for name, _, hit in points)
