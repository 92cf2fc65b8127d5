"""The overview: orders by state, money held, queues, and what needs a person."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from fastapi import APIRouter, Request
from starlette.responses import Response

from agents.runtime.clock import clock
from agents.runtime.journal import Journal, attention
from agents.runtime.journal.attention import ErrorGroup
from agents.runtime.journal.hour_counts import ACCEPTED, HOUR, HourCount, last_hours
from agents.runtime.journal.item_lists import Filter, page
from agents.runtime.journal.queue_depths import MOST as MOST_WAITING
from agents.runtime.model.lifecycle import State
from agents.workflow.money import format_money
from deployments.gateway import queues
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.console.item_summaries import summaries_of
from deployments.gateway.console.pages import render
from deployments.gateway.queues import QueueView
from deployments.gateway.tenancy import journal_of
from flows.workflows import WORKFLOWS

router = APIRouter()
HOURS = 24
MOST_MONEY = 50  # items whose money is added up, of those that wait and of the dead letters each
NAMES = (
    *(ACCEPTED, State.COMPLETED, State.FAILED, State.COMPENSATED),
    *(State.CANCELLED, State.DEAD_LETTERED),
)


@dataclass(frozen=True, slots=True)
class Needs:
    """What needs a person in one workflow; `waiting` and each group are bounded by attention.MOST."""

    workflow: str
    waiting: int
    groups: Sequence[ErrorGroup]

    @property
    def dead(self) -> int:
        """How many dead letters are open."""
        return sum(group.count for group in self.groups)


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour of the chart: its beginning, and the heights in per cent of completed and other items."""

    hour: int
    completed: int
    others: int
    good: float
    bad: float


@router.get("/console", dependencies=[allow(Scope.READ, objects="counts of the caller's tenant")])
async def overview(request: Request, principal: Caller) -> Response:
    """What an operator opens at 3 a.m. and a manager at 9."""
    journal = journal_of(principal)
    counts = await last_hours(journal, HOURS)
    needs = [await _needs(journal, name) for name in WORKFLOWS]
    depths = [await queues.view(principal, name) for name in WORKFLOWS]
    this_hour = int(clock().time() // HOUR) * HOUR
    money, is_all = await _money(journal)
    return render(
        request,
        "overview.html",
        needs=[need for need in needs if need.waiting or need.groups],
        most=attention.MOST,
        money=money,
        most_money=None if is_all else MOST_MONEY,
        queues=_active(depths, counts),
        most_waiting=MOST_WAITING,
        operates=Scope.OPERATE in principal.scopes and queues.is_operator(principal),
        states=_by_state(counts, this_hour),
        names=NAMES,
        bars=_bars(counts, this_hour),
    )


async def _needs(journal: Journal, workflow: str) -> Needs:
    waiting = await attention.waiting_count(journal, workflow)
    return Needs(workflow, waiting, await attention.error_groups(journal, workflow))


async def _money(journal: Journal) -> tuple[list[str], bool]:
    """The money held in orders that need a person, by currency, and whether all of them are in it."""
    waiting = await page(journal, "orders", Filter(waiting="person"), most=MOST_MONEY)
    dead = await page(journal, "orders", Filter(state=State.DEAD_LETTERED), most=MOST_MONEY)
    ids = [row.id for row in chain(waiting.rows, dead.rows)]
    total = Counter[str]()
    for summary in (await summaries_of(journal, "orders", ids)).values():
        total.update(summary.money)
    amounts = [format_money(amount, currency) for currency, amount in sorted(total.items())]
    return amounts, waiting.next is None and dead.next is None


def _active(depths: Sequence[QueueView], counts: Sequence[HourCount]) -> list[QueueView]:
    """The queues that have items, are paused, or had items within the day."""
    busy = {count.scenario for count in counts}
    return [depth for depth in depths if depth.waiting or depth.paused or depth.workflow in busy]


def _by_state(counts: Sequence[HourCount], hour: int) -> dict[str, dict[str, tuple[int, int]]]:
    """By workflow and name: how many in this hour with the one before it, and in the day."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for count in counts:
        names = found.setdefault(count.scenario, {})
        lately, day = names.get(count.name, (0, 0))
        recent = count.count if count.hour >= hour - HOUR else 0
        names[count.name] = (lately + recent, day + count.count)
    return dict(sorted(found.items(), key=lambda entry: entry[0] != "orders"))


def _bars(counts: Sequence[HourCount], hour: int) -> list[Bar]:
    completed, others = Counter[int](), Counter[int]()
    for count in counts:
        if count.scenario == "orders" and count.name != ACCEPTED:
            (completed if count.name == State.COMPLETED else others)[count.hour] += count.count
    hours = range(hour - (HOURS - 1) * HOUR, hour + 1, HOUR)
    most = max(completed[at] + others[at] for at in hours) or 1
    return [
        Bar(at, completed[at], others[at], 100 * completed[at] / most, 100 * others[at] / most)
        for at in hours
    ]
