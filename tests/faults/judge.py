"""The verdict on a cell: the invariants, the expected end of each order, and who may write when.

It reads the providers' record and the journal only; of the cell it knows which processes were
killed or stopped, and nothing of what the code under test believes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agents.runtime.model.lifecycle import ENDED
from tests.invariants import AT_REST, Journal, Record, Row, breaches_of

CLAIMS = {"claim", "take_over"}
LETTING_GO = {"hand_back", "delay", "park", "complete", "end_failed", "end_compensated"} | {
    "end_cancelled",
    "dead_letter",
}
OUTCOMES: dict[str, set[str | None]] = {
    "completed": {"shipped"},
    "compensated": {"refunded", "rejected"},
    "failed": {"rejected"},
    "waiting": {None},
}
BY_PEOPLE = {"accept", "cancel", "decide", "escalate", "mend", "replay", "discard"}


def sorts(breaches: Sequence[str]) -> dict[str, int]:
    """How many of the breaches are the worst kinds."""
    return {
        "double_charges": sum("charged more than once" in breach for breach in breaches),
        "lost": sum(breach.endswith(": lost") for breach in breaches),
        "stuck": sum(breach.startswith(("I2", "liveness", "outbox")) for breach in breaches)
        - sum(breach.endswith(": lost") for breach in breaches),
    }


def changed(before: tuple[Journal, Record], after: tuple[Journal, Record]) -> list[str]:
    """I10: what is finished and then run once more stays as it is, in the journal and outside."""
    names = ("the journal", "the providers' record")
    both = zip(names, before, after, strict=True)
    return [f"I10 {name} changed when it was run once more" for name, a, b in both if a != b]


def left_over(journal: Journal, expected: Mapping[str, set[str]]) -> list[str]:
    """Orders that are not at rest, or not even accepted, or about which somebody is still to be told."""
    return [*unended(journal, expected), *untold(journal)]


@dataclass(frozen=True, slots=True)
class Case:
    """What the judge knows of what was done.

    `expected` are the ends that each order may come to; `gone` the processes that were killed, or
    stopped for a while; `cancelled` whether somebody asked for that; `buried` whether orders may end
    as dead letters, since nothing could be reached for longer than they are tried.
    """

    expected: Mapping[str, set[str]]
    gone: set[int]
    cancelled: bool = False
    buried: bool = False


def verdict(journal: Journal, record: Record, case: Case) -> list[str]:
    """Every breach, by the record and the journal alone."""
    breaches = breaches_of(journal, record)
    breaches += unended(journal, case.expected)
    breaches += [f"outbox {told}" for told in untold(journal)]
    breaches += _wrong_ends(journal, case)
    for item, row in journal.items.items():
        breaches += strange_writes(row, journal.history.get(item, []), case.gone)
    return breaches


def unended(journal: Journal, expected: Mapping[str, set[str]]) -> list[str]:
    """Orders that are not at rest, or lost."""
    rows = {row["key"]: row for row in journal.items.values()}
    dead = {journal.items[item]["key"] for item in journal.dead}
    return [
        f"I2 {key}: lost" if key not in rows else f"I2 {key}: left as {rows[key]['state']}"
        for key in expected
        if key not in rows or (rows[key]["state"] not in AT_REST and key not in dead)
    ]


def untold(journal: Journal) -> list[str]:
    """Messages that nobody has sent yet, or that are missing."""
    silent = [
        f"{row['key']}: ended, and there is no message about it"
        for item, row in journal.items.items()
        if row["state"] in ENDED and item not in journal.dead and not journal.outbox.get(item)
    ]
    return silent + [
        f"{journal.items[item]['key']}: {row['topic']} is {row['status']}"
        for item, rows in journal.outbox.items()
        for row in rows
        if row["status"] in ("waiting", "sending")
    ]


def _wrong_ends(journal: Journal, case: Case) -> Iterator[str]:
    for row in journal.items.values():
        key, state, outcome = row["key"], row["state"], row["outcome"]
        if (case.cancelled and state == "cancelled") or (case.buried and row["id"] in journal.dead):
            continue
        if (state if state == "waiting" else outcome) not in case.expected[key]:
            expected = " or ".join(sorted(case.expected[key]))
            yield f"end {key}: {expected} expected, is {state}, {outcome}"
        elif outcome not in OUTCOMES.get(state, ()):
            yield f"end {key}: {outcome} cannot be {state}"


def strange_writes(row: Row, path: list[Row], gone: set[int]) -> Iterator[str]:
    """I8: only who holds an item changes it, and only from the dead is it taken over."""
    holder: str | None = None
    for step in path:
        event, owner = step["event"], step["owner"]
        if event in BY_PEOPLE:
            continue
        if event == "take_over" and (holder is None or _pid(holder) not in gone):
            yield f"I8 {row['key']}: taken over from {holder}, who lives"
        elif event == "claim" and holder is not None:
            yield f"I8 {row['key']}: claimed by {owner} while {holder} had it"
        elif event not in CLAIMS and owner != holder:
            yield f"I8 {row['key']}: {event} by {owner} while {holder} had it"
        holder = None if event in LETTING_GO else owner


def _pid(owner: str) -> int:
    return int(owner.rsplit("-", 2)[1])
