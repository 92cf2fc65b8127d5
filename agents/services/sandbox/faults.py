"""Faults by a seeded script: which fault a call meets depends on the call alone, not on order or load.

A script such as `seed=7;payments.capture:timeout=0.01;carriers.book:refuse=0.02` names operation, kind
and the share of items that it hits. The kinds:

- timeout, reset, error, truncated: the work is done; then no answer, a cut connection, status 500,
  or half a body. failure: status 500 and nothing done. rate_limit: 429 and nothing done. slow: done,
  0.3 s late. These hit the first call of a key and let its repetition pass. Only the payment provider
  repeats error and failure under that key, as Stripe does, until another key is used.
- outage: 503 and nothing done. It hits every call of the item.
- faults of one operation's own, which hit every call of the item too: payments.authorise:decline (the
  bank refuses), payments.capture:partial (two fifths are taken), payments.refund:pending (it arrives a
  minute later), payments.refund:fail (it fails a minute later), payments.refund:reject (both),
  carriers.book:refuse (no carrier takes the parcel), notifications.send:lost (the
  message is dropped and answered with 500), notifications.send:refuse (the receiver is blocked).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

from agents.runtime.errors import AgentError
from agents.runtime.names import installation_of
from agents.services.systems import operations

ONCE = frozenset({"timeout", "reset", "error", "truncated", "failure", "rate_limit", "slow"})
ALWAYS = frozenset({"outage"})

# Every row of the sample's result has its cause here. A timeout delays its batch by two seconds and an
# outage is retried for ten, so the seed is one that gives a single timeout and early outages. Orders of one
# batch compete for the last pieces: reservations meet no fault, and with this seed the counts are the same
# whichever of 32 concurrent orders is first.
DEMO = (
    "seed=48602;"
    "payments.open:rate_limit=0.01;"
    "payments.authorise:decline=0.02;payments.authorise:error=0.01;"
    "payments.capture:timeout=0.001;payments.capture:truncated=0.01;payments.capture:reset=0.01;"
    "payments.refund:error=0.1;"
    "carriers.book:refuse=0.01;carriers.book:reset=0.005;carriers.book:outage=0.003;"
    "notifications.send:lost=0.005"
)


class BadFaultScript(AgentError):
    """The fault script cannot be read; `problem` says which part and why."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"fault script: {self.problem}"


@dataclass(frozen=True, slots=True)
class Faults:
    """A parsed script."""

    seed: int
    shares: Mapping[str, tuple[tuple[str, float], ...]]

    def draw(self, operation: str, subject: str) -> str:
        """The fault that this operation on this subject meets, or an empty string."""
        at = _point(self.seed, operation, subject) if operation in self.shares else 1.0
        for kind, share in self.shares.get(operation, ()):
            if at < share:
                return kind
            at -= share
        return ""


@cache
def parse_faults(script: str) -> Faults:
    """Parse a script. Raises BadFaultScript."""
    seed, shares = 0, dict[str, dict[str, float]]()
    for part in filter(None, (part.strip() for part in script.split(";"))):
        name, equals, value = part.partition("=")
        if name == "seed" and value.isascii() and value.isdigit():
            seed = int(value)
        elif ":" in name and equals:
            operation, kind, share = _rule(part)
            if kind in shares.setdefault(operation, {}):
                raise BadFaultScript(f"{operation}:{kind} is given twice")
            shares[operation][kind] = share
        else:
            raise BadFaultScript(f"{part!r} is neither seed=NUMBER nor OPERATION:KIND=SHARE")
    for operation, kinds in shares.items():
        if sum(kinds.values()) > 1:
            raise BadFaultScript(f"the shares of {operation} add up to more than 1")
    return Faults(seed, {operation: tuple(kinds.items()) for operation, kinds in shares.items()})


def _rule(part: str) -> tuple[str, str, float]:
    name, _, value = part.partition("=")
    operation, _, kind = name.partition(":")
    own = {one.name: frozenset(one.faults) for one in operations() if one.recorded}
    if operation not in own:
        raise BadFaultScript(f"{operation!r} is not one of {', '.join(sorted(own))}")
    if kind not in ONCE | ALWAYS | own[operation]:
        raise BadFaultScript(_unknown(kind, operation, own))
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise BadFaultScript(f"{part!r}: the share is a number from 0 to 1")
    return operation, kind, share


def _unknown(kind: str, operation: str, own: Mapping[str, frozenset[str]]) -> str:
    elsewhere = [name for name, kinds in own.items() if kind in kinds]
    if elsewhere:
        return f"{kind} is a fault of {', '.join(elsewhere)}, not of {operation}"
    return f"{kind!r} is not one of {', '.join(sorted((ONCE | ALWAYS).union(*own.values())))}"


def subject_of(key: str, reference: str) -> str:
    """What the fault of a call is drawn by: the reference, or else the key, without the installation.

    Every run of the same orders thus meets the same faults.
    """
    if not reference:
        return key[len(installation_of(key)) :].removeprefix(":")
    if installation_of(reference):
        _, _, reference = reference.split(":", 2)
    return reference


def _point(seed: int, operation: str, subject: str) -> float:
    digest = blake2b(
        f"{seed}|{operation}|{subject}".encode("utf-8", "replace"), digest_size=8
    ).digest()
    return int.from_bytes(digest, "big") / 2**64
