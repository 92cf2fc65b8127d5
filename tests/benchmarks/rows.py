"""The rows of the table. Each measures in a bench of its own, so that one that fails leaves the others alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from statistics import median
from typing import Any

from tests.benchmarks.figures import MILLISECONDS, Figure, at, each, ratios
from tests.benchmarks.machine import ask, size_of
from tests.benchmarks.orchestration import bench
from tests.benchmarks.peers import IN_BULK
from tests.benchmarks.real_flow import write_orders
from tests.benchmarks.trivial_steps import WARM_UP

BESIDE_IDLE = ("langgraph", "celery", "dbos postgresql", "dbos sqlite")
"""The durable peers that the goal of an idle order names."""
PLAIN_SAMPLE = 50  # orders of each peer in a round, which take them seconds
IDLE_SAMPLE = 30
REAL_SAMPLE = 500
TURNS_SAMPLE = 500
TALKS_SAMPLE = 50
CLAIMED_SAMPLE = 300
SMALL, LARGE, HUGE = 1_000, 100_000, 1_000_000


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: orders of a round in bulk, and rounds."""

    orders: int
    rounds: int


def bulk(size: Size) -> list[Figure]:
    """Five trivial agents over many orders: ours, the floor, and each peer; processor time with it."""
    sizes = ("--orders", size.orders, "--sample", min(size.orders, PLAIN_SAMPLE))
    with bench() as here:
        more = ("--rounds", size.rounds, "--server", here.server, "--peers", *IN_BULK)
        found = here.ask("rounds", *sizes, *more)
    paces, spent = found["paces"], found["processor_s"]
    peers = [name for name in paces if name not in {"ours", "two", "floor"}]
    best = max(peers, key=lambda name: median(paces[name]))
    return [
        Figure("share of the floor, one process", ratios(paces["ours"], paces["floor"]), least=0.4),
        Figure("share of the floor, two", ratios(paces["two"], paces["floor"]), least=0.6),
        Figure(f"times the best peer ({best}), one process", ratios(paces["ours"], paces[best])),
        Figure(f"times the best peer ({best}), two", ratios(paces["two"], paces[best]), least=30),
        *(Figure(f"{name}, steps/s", values) for name, values in paces.items()),
        Figure(
            "processor time of plain Prefect's", ratios(spent["ours"], spent["plain"]), most=0.1
        ),
        *(
            Figure(f"{name}, processor ms an order", [s * MILLISECONDS for s in seconds])
            for name, seconds in spent.items()
        ),
    ]


def growth(size: Size) -> list[Figure]:
    """From a thousand orders to a hundred thousand, all into one journal."""
    return _growing(min(size.orders, SMALL), min(10 * size.orders, LARGE), size.rounds)


def million(size: Size) -> list[Figure]:
    """From a hundred thousand orders to a million, all into one journal."""
    return _growing(min(10 * size.orders, LARGE), min(100 * size.orders, HUGE), 1)


def _growing(few: int, many: int, rounds: int) -> list[Figure]:
    found, sizes, done, before = list[dict[str, Any]](), list[tuple[float, float]](), 0, (0, 0)
    with bench() as here:
        data, server = here.folder / "growing", here.folder / "prefect" / "prefect.db"
        for count, turns in ((few, rounds), (many, 1)):
            given = ("--orders", count, "--rounds", turns, "--first", done)
            found.append(here.ask("trivial", *given, data=data))
            orders, done = WARM_UP + count * turns, done + WARM_UP + count * turns
            now = (found[-1]["journal_bytes"], size_of(server))
            sizes.append(((now[0] - before[0]) / orders, (now[1] - before[1]) / orders))
            before = now
    counts = (few, many)
    return [
        *_grown("steps/s", counts, [one["paces"] for one in found], least=0.9),
        *_grown("peak MB", counts, [[one["peak_mb"]] for one in found], most=1.1),
        *_grown("journal bytes an order", counts, [[one] for one, _ in sizes], most=1.1),
        *_grown("Prefect's bytes an order", counts, [[one] for _, one in sizes], most=1.1),
    ]


def _grown(
    name: str, counts: tuple[int, int], values: list[list[float]], **goal: float
) -> list[Figure]:
    """The figure at the larger number of orders beside the smaller one, and each of them."""
    beside = median(values[1]) / median(values[0])
    return [
        Figure(f"{name}, {counts[1]:,} beside {counts[0]:,} orders", [beside], **goal),
        *(Figure(f"{name}, {n:,} orders", some) for n, some in zip(counts, values, strict=True)),
    ]


def idle(size: Size) -> list[Figure]:
    """One order at a time, from its submission to its end."""
    with bench() as here:
        orders = min(size.orders, IDLE_SAMPLE)
        seconds = here.ask("idle", "--orders", orders, "--rounds", size.rounds)
    ours, figures = seconds["ours"], list[Figure]()
    for percent in (50, 99):
        medians = {
            name: at(percent, list(chain(*seconds[name])))
            for name in BESIDE_IDLE
            if name in seconds
        }
        best = min(medians, key=lambda name: medians[name])
        beside = ratios(each(percent, ours), each(percent, seconds[best]))
        figures.append(Figure(f"p{percent} of the best durable peer's ({best})", beside, most=1))
    for name, rounds in seconds.items():
        figures += [Figure(f"{name}, p{percent} ms", each(percent, rounds)) for percent in (50, 99)]
    return figures


def arrivals(size: Size) -> list[Figure]:
    """Orders that arrive at random at half of the rate that the consumer can take."""
    with bench() as here:
        orders = min(size.orders, IDLE_SAMPLE)
        found = here.ask("arrivals", "--orders", orders, "--rounds", size.rounds)
    alone, random = each(50, found["alone"]), each(99, found["at_random"])
    waits = [wait * MILLISECONDS for wait in found["batch_wait"]]
    allowed = [2 * one + wait for one, wait in zip(alone, waits, strict=True)]
    return [
        Figure("p99 over twice the idle p50 and the batch wait", ratios(random, allowed), most=1),
        Figure("p99 over twice the idle p50", ratios(random, [2 * one for one in alone])),
        Figure("alone, p50 ms", alone),
        Figure("at random, p50 ms", each(50, found["at_random"])),
        Figure("at random, p99 ms", random),
        Figure("batch wait ms", waits),
        Figure("possible orders/s", found["orders_per_s"]),
    ]


def claims(size: Size) -> list[Figure]:
    """Claim and finish, singly and in batches, beside bare SQL on the same rows."""
    with bench() as here:
        sizes = ("--orders", size.orders, "--sample", min(size.orders, CLAIMED_SAMPLE))
        paces = here.ask("queueing", *sizes, "--rounds", size.rounds)
    figures = []
    for word, least in (("batch", 0.5), ("single", 1 / 3)):
        for name in ("sqlite", "postgresql"):
            ours, bare = (paces[kind][word]["finish"] for kind in (name, f"bare_{name}"))
            title = f"{word}, {name}"
            figures.append(Figure(f"{title}, share of bare SQL", ratios(ours, bare), least=least))
            figures.append(Figure(f"{title}, orders/s", ours))
    peers = [name for name in ("pydocket", "celery", "bare_redis") if name in paces]
    return figures + [
        Figure(f"batch, {name}, orders/s", paces[name]["batch"]["finish"]) for name in peers
    ]


def bus(size: Size) -> list[Figure]:
    """From publish to receive, and from request to reply, beside bare Redis."""
    with bench() as here:
        messages = min(size.orders, TALKS_SAMPLE)
        seconds = here.ask("talking", "--messages", messages, "--rounds", size.rounds)
    figures = []
    for kind, contenders in seconds.items():
        rounds = {name: _split(some, size.rounds) for name, some in contenders.items()}
        bare = each(50, rounds.pop("bare_redis"))
        for name, some in rounds.items():
            most = 5 if kind == "request" and name in {"sqlite", "postgresql"} else None
            beside = ratios(each(50, some), bare)
            figures.append(Figure(f"{kind}, {name}, p50 of bare Redis's", beside, most=most))
            figures += [Figure(f"{kind}, {name}, p{p} ms", each(p, some)) for p in (50, 99)]
        figures.append(Figure(f"{kind}, bare Redis, p50 ms", bare))
    return figures


def _split(values: list[float], rounds: int) -> list[list[float]]:
    """The values of each round, which come one after the other."""
    many = len(values) // rounds
    return [values[turn * many : (turn + 1) * many] for turn in range(rounds)]


def real(size: Size) -> list[Figure]:
    """The real order flow over HTTP beside its calls alone, and what the sandbox could answer."""
    count = min(size.orders, REAL_SAMPLE)
    found: dict[str, list[dict[str, float]]] = {"alone": [], "flow": []}
    with bench() as here:
        write_orders(here.folder, count)
        for turn in range(size.rounds):
            # Each goes first in turn, so that a machine that becomes quieter favours neither.
            for mode in sorted(found, reverse=bool(turn % 2)):
                found[mode].append(here.ask("real_flow", mode, "--folder", here.folder))

    def over(name: str, mode: str = "flow") -> list[float]:
        return [one[name] / one["seconds"] for one in found[mode]]

    alone, flow = ([one["seconds"] for one in found[mode]] for mode in ("alone", "flow"))
    spent = ratios(*([one["own_processor_s"] for one in found[m]] for m in ("alone", "flow")))
    ceiling = [count / one["sandbox_processor_s"] for one in found["flow"]]
    return [
        Figure("our share of its time", [1 - share for share in ratios(alone, flow)], most=0.15),
        Figure("our share of our process's processor time", [1 - share for share in spent]),
        Figure("orders/s", [count / seconds for seconds in flow]),
        Figure("calls alone, orders/s", [count / seconds for seconds in alone]),
        Figure("the sandbox's ceiling, orders/s", ceiling),
        Figure("the sandbox's ceiling, calls/s", _calls(found["flow"])),
        Figure("the sandbox is busy, share of the flow's time", over("sandbox_processor_s")),
        Figure(
            "the sandbox is busy, share of the calls' time", over("sandbox_processor_s", "alone")
        ),
        Figure("our process is busy, share of the flow's time", over("own_processor_s")),
    ]


def _calls(runs: list[dict[str, float]]) -> list[float]:
    """Calls a second of a sandbox that does nothing else: it is one thread."""
    return [one["calls"] / one["sandbox_processor_s"] for one in runs]


def dialogue(size: Size) -> list[Figure]:
    """Turns of conversations beside the functions of their agents alone, and beside LangGraph."""
    turns = min(size.orders, TURNS_SAMPLE)
    with bench() as here:
        sizes = ("--turns", turns, "--real", turns, "--rounds", size.rounds)
        seconds = here.ask("conversing", *sizes)
    ours, theirs = seconds["real_ours"], seconds["real_langgraph"]
    shares = [1 - share for share in ratios(seconds["real_bare"], ours)]
    return [
        Figure("our share of a turn", shares, most=0.35),
        Figure("turns/s", [turns / one for one in ours]),
        Figure("LangGraph, turns/s", [turns / one for one in theirs]),
        Figure("the functions alone, turns/s", [turns / one for one in seconds["real_bare"]]),
    ]


def start(size: Size) -> list[Figure]:
    """From a command to its end, beside a bare Prefect flow."""
    seconds = ask("command_start", "--rounds", size.rounds, environment={})["rounds"]
    return [
        Figure(
            f"{name} run, of a bare flow's",
            ratios(seconds[name], seconds[f"bare_{name}"]),
            most=most,
        )
        for name, most in (("first", 1.2), ("second", 1.5))
    ] + [Figure(f"{name.replace('_', ' ')}, s", several) for name, several in seconds.items()]


ROWS: Mapping[str, Callable[[Size], list[Figure]]] = {
    row.__name__: row
    for row in (bulk, growth, million, idle, arrivals, claims, bus, real, dialogue, start)
}
