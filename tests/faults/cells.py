"""Cells: what is done to the runs over one set of orders, written so that one line replays it.

    A@1             the first run dies at the first hit of point A
    A@1+B@2         so it does, and the next one at the second hit of B
    random=17       one to three runs killed at moments that the campaign's seed and 17 give
    zombie=A@1      the first run is stopped at A, its lease runs out, another one finishes, it wakes
    zombie=A@1/B@3  the other one, which has work of its own first, is stopped at B until the first ends
    interrupt=A@1   Ctrl-C at A; term=A@1 is SIGTERM
    crowd=17        as random, but all at once, and one more that is not killed
    commit=7        the line to PostgreSQL breaks after the first run's seventh COMMIT, before its answer
    restart=17      PostgreSQL is stopped at once (-m immediate) and started at a moment of the run
    term+kill=A@1   SIGTERM at A, and SIGKILL a second later
    full=40         no file may grow beyond so many KiB: the disk is full
    files=12        no more than so many open files
    twins=          two living runs over the same orders at once
    quiet=          nothing happens
At the end of a cell of kills or a zombie, !cancel: after each blow somebody cancels all orders. At the
end of one of kills, !next: the next release of the code finishes; !back: this one, what that began.
With !queue the orders are left in the queue, and the runs are consumers.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Any, Literal, get_args

Kind = Literal[
    "kill",
    "random",
    "crowd",
    "zombie",
    "interrupt",
    "term",
    "term+kill",
    "twins",
    "quiet",
    "commit",
    "restart",
    "full",
    "files",
]
KINDS: tuple[Kind, ...] = get_args(Kind)[1:]
NUMBERED = {"random", "crowd", "commit", "restart", "full", "files"}
RELEASES = ("next", "back")
MAY_CRASH = {"commit", "restart", "full", "files"}  # a run that loses its journal ends by that
Point = tuple[str, int]

MOST_RANDOM_KILLS = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell; `points` in the order in which runs meet them."""

    kind: Kind
    points: tuple[Point, ...] = ()
    number: int = 0
    cancel: bool = False
    release: str = ""
    queue: bool = False

    def __str__(self) -> str:
        joint = "/" if self.kind == "zombie" else "+"
        points = joint.join(f"{name}@{hit}" for name, hit in self.points)
        value = str(self.number) if self.kind in NUMBERED else points
        text = value if self.kind == "kill" else f"{self.kind}={value}"
        more = (*("cancel",) * self.cancel, *("queue",) * self.queue, self.release)
        return "!".join((text, *filter(None, more)))


def parse_cell(spec: str) -> Cell:
    """Read what str(cell) wrote. Raises ValueError."""
    text, *more = spec.split("!")
    release = "".join(word for word in more if word in RELEASES)
    asked: Any = {"cancel": "cancel" in more, "queue": "queue" in more, "release": release}
    for kind in KINDS:
        if text.startswith(f"{kind}="):
            value = text.removeprefix(f"{kind}=")
            if kind in NUMBERED:
                return Cell(kind, number=int(value), **asked)
            return Cell(kind, _points(value, "/"), **asked)
    return Cell("kill", _points(text, "+"), **asked)


def moments(seed: int, number: int, undisturbed: float, lease: float = 1.0) -> list[float]:
    """When the runs of a random cell are killed, in seconds after their start.

    After a kill, a run waits for the dead one's lease to run out.
    """
    rng = Random(f"{seed}/{number}")
    kills = rng.randint(1, MOST_RANDOM_KILLS)
    return [rng.uniform(0, undisturbed + (1.2 * lease if n else 0)) for n in range(kills)]


def alone(hits: dict[str, int]) -> list[Cell]:
    """Each point alone: at its first, its second and its last hit."""
    return [
        Cell("kill", ((name, hit),))
        for name, most in sorted(hits.items())
        for hit in sorted({1, min(2, most), most})
    ]


def paired(hits: dict[str, int], rng: Random, most: int) -> list[Cell]:
    """Pairs of points, each at its first hit, a sample of `most` of them."""
    names = sorted(hits)
    pairs = [Cell("kill", ((first, 1), (second, 1))) for first in names for second in names]
    return rng.sample(pairs, min(most, len(pairs)))


def cancelled(hits: dict[str, int]) -> list[Cell]:
    """Each point alone and then a cancellation; each call that a zombie makes after one."""
    late = range(1, hits.get("request", 0) + 1)
    return [
        *(replace(cell, cancel=True) for cell in alone(hits)),
        *(Cell("zombie", (("request", hit),), cancel=True) for hit in late),
    ]


def across_releases(hits: dict[str, int]) -> list[Cell]:
    """Each point at its first hit, finished by another release than it was begun by: both ways."""
    return [
        Cell("kill", ((name, 1),), release=release) for name in sorted(hits) for release in RELEASES
    ]


def queued(hits: dict[str, int], random: int) -> list[Cell]:
    """Consumers killed at each point at its first hit, and so many at any moment."""
    return [
        *(Cell("kill", ((name, 1),), queue=True) for name in sorted(hits)),
        *(Cell("random", number=number, queue=True) for number in range(random)),
    ]


def _points(text: str, joint: str) -> tuple[Point, ...]:
    points = [one.rpartition("@") for one in text.split(joint) if one]
    return tuple((name, int(hit)) for name, _, hit in points)
