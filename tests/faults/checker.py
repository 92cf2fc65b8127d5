"""The check of a cell: the invariants, the expected end of each order, and who may write when.

It reads the providers' record and a dump of the journal. Of the cell it knows only which processes
were killed or stopped; it asks the code under test nothing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from agents.orders.notify_customer import notify_customer
from agents.runtime.journal.notices import INTERRUPTED
from agents.runtime.model.lifecycle import ENDED
from agents.runtime.names import installation_of
from tests.invariants import AT_REST, Journal, Record, Row, breaches_of

MESSAGES_AT_ONCE = 2  # calls in flight while messages go out; fewer than the orders of a run
CLAIMS = {"claim", "take_over"}
RELEASES_OWNER = {"hand_back", "delay", "park", "complete", "end_failed", "end_compensated"} | {
    "end_cancelled",
    "dead_letter",
}
OUTCOMES: dict[str, set[str | None]] = {
    "completed": {"shipped"},
    "compensated": {"refunded", "rejected"},
    "failed": {"rejected"},
    "waiting": {None},
}
BY_OPERATORS = {"accept", "cancel", "decide", "escalate", "mend", "replay", "discard"}


def counts_by_kind(violations: Sequence[str]) -> dict[str, int]:
    """Count the violations of the worst kinds."""
    return {
        "double_charges": sum("charged more than once" in violation for violation in violations),
        "lost": sum(violation.endswith(": lost") for violation in violations),
        "stuck": sum(violation.startswith(("I2", "liveness", "outbox")) for violation in violations)
        - sum(violation.endswith(": lost") for violation in violations),
    }


def rerun_changes(before: tuple[Journal, Record], after: tuple[Journal, Record]) -> list[str]:
    """I10: a run over finished work changes nothing, neither in the journal nor at the providers."""
    names = ("the journal", "the providers' record")
    both = zip(names, before, after, strict=True)
    return [f"I10 {name} changed in a run over finished work" for name, a, b in both if a != b]


def unfinished_work(journal: Journal, expected: Mapping[str, set[str]]) -> list[str]:
    """Return the orders that are lost or not at rest, and the messages that are not sent."""
    return [*unfinished_orders(journal, expected), *unsent_messages(journal)]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a cell permits.

    `ends` holds the permitted outcomes of each order, `faulted` the ids of processes that were killed
    or stopped. `cancelled`: a cancellation was requested. `may_dead_letter`: orders may end as dead
    letters, because the fault lasts longer than the attempts.
    """

    ends: Mapping[str, set[str]]
    faulted: set[int]
    cancelled: bool = False
    may_dead_letter: bool = False


def violations_of(journal: Journal, record: Record, permitted: Expectation) -> list[str]:
    """Return every violation that the record and the journal show."""
    violations = breaches_of(journal, record)
    violations += unfinished_orders(journal, permitted.ends)
    violations += [f"outbox {message}" for message in unsent_messages(journal)]
    violations += too_many_unknown(journal)
    violations += _wrong_ends(journal, permitted)
    violations += _not_unique(record)
    violations += [] if permitted.faulted else _without_outcome(journal)
    violations += _never_assessed(journal)
    for item, row in journal.items.items():
        violations += illegal_writes(row, journal.history.get(item, []), permitted.faulted)
    return violations


def _without_outcome(journal: Journal) -> Iterator[str]:
    """I8: only a process that ends takes the outcome of a call with it, never one branch that of another."""
    for item, effects in journal.effects.items():
        journalled = {(row["agent"], row["occurrence"]) for row in journal.steps.get(item, [])}
        for effect in effects:
            if (effect["agent"], effect["occurrence"]) not in journalled:
                yield f"I8 {journal.items[item]['key']}: no outcome of {effect['agent']}"


def _never_assessed(journal: Journal) -> Iterator[str]:
    """I8: an order with an effect has the outcome of the step before it, which rides with the intent."""
    for item in journal.effects:
        if "assess_risk" not in {row["agent"] for row in journal.steps.get(item, [])}:
            yield f"I8 {journal.items[item]['key']}: no outcome of assess_risk"


def _not_unique(record: Record) -> Iterator[str]:
    """I12: what the providers know us by is unique to the installation, as others may use the account."""
    references = [
        row["reference"]
        for rows in (*record.payments.values(), *record.shipments.values())
        for row in rows
        if row["reference"]  # a key that was closed before anything was booked has none
    ]
    keys = [row["key"] for rows in record.shipments.values() for row in rows]
    for name in (*references, *keys, *record.reservations, *record.messages):
        if not installation_of(name):
            yield f"I12 {name}: another installation may use this name"


def unfinished_orders(journal: Journal, expected: Mapping[str, set[str]]) -> list[str]:
    """Return the orders that are lost or not at rest."""
    rows = {row["key"]: row for row in journal.items.values()}
    dead = {journal.items[item]["key"] for item in journal.dead}
    return [
        f"I2 {key}: lost" if key not in rows else f"I2 {key}: left as {rows[key]['state']}"
        for key in expected
        if key not in rows or (rows[key]["state"] not in AT_REST and key not in dead)
    ]


def unsent_messages(journal: Journal) -> list[str]:
    """Return the messages that are missing or not sent."""
    missing = [
        f"{row['key']}: ended without a message"
        for item, row in journal.items.items()
        if row["state"] in ENDED and item not in journal.dead and not journal.outbox.get(item)
    ]
    return missing + [
        f"{journal.items[item]['key']}: {row['topic']} is {row['status']}"
        for item, rows in journal.outbox.items()
        for row in rows
        if row["status"] in ("waiting", "sending")
    ]


def too_many_unknown(journal: Journal) -> list[str]:
    """Return the processes that left more messages unknown than they had calls in flight."""
    left = Counter(
        row["owner"]
        for rows in journal.outbox.values()
        for row in rows
        if row["status"] == "unknown" and row["error"] == INTERRUPTED
    )
    return [
        f"I6 {owner} left {count} messages unknown, with {MESSAGES_AT_ONCE} calls in flight"
        for owner, count in left.items()
        if count > MESSAGES_AT_ONCE
    ]


@contextmanager
def few_messages_at_once() -> Iterator[None]:
    """Within the block few messages are in flight, so that a crash that drops a batch is seen."""
    usual = notify_customer.policy
    notify_customer.policy = replace(usual, concurrency=MESSAGES_AT_ONCE)
    try:
        yield
    finally:
        notify_customer.policy = usual


def _wrong_ends(journal: Journal, permitted: Expectation) -> Iterator[str]:
    for row in journal.items.values():
        key, state, outcome = row["key"], row["state"], row["outcome"]
        if (permitted.cancelled and state == "cancelled") or (
            permitted.may_dead_letter and row["id"] in journal.dead
        ):
            continue
        if (state if state == "waiting" else outcome) not in permitted.ends[key]:
            expected = " or ".join(sorted(permitted.ends[key]))
            yield f"end {key}: {expected} expected, is {state}, {outcome}"
        elif outcome not in OUTCOMES.get(state, ()):
            yield f"end {key}: {outcome} cannot be {state}"


def illegal_writes(row: Row, history: list[Row], faulted: set[int]) -> Iterator[str]:
    """I8: only its owner changes an item, and it is taken over only from a dead owner."""
    holder: str | None = None
    for step in history:
        event, owner = step["event"], step["owner"]
        if event in BY_OPERATORS:
            continue
        if event == "take_over" and (holder is None or _pid(holder) not in faulted):
            yield f"I8 {row['key']}: taken over from {holder}, which is alive"
        elif event == "claim" and holder is not None:
            yield f"I8 {row['key']}: claimed by {owner} while {holder} had it"
        elif event not in CLAIMS and owner != holder:
            yield f"I8 {row['key']}: {event} by {owner} while {holder} had it"
        holder = None if event in RELEASES_OWNER else owner


def _pid(owner: str) -> int:
    return int(owner.rsplit("-", 2)[1])
