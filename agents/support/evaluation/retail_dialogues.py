"""The benchmark's retail tasks played as dialogues, with its accounts in place of our order processing.

Customer service runs as it is and asks and commands through the contracts of `agents/shop`. A task is done
if its end is the end that the benchmark's own tools reach from the expected actions.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.runtime.messaging import Answerer, answer
from agents.shop.catalogue import catalogue
from agents.shop.contracts import (
    ACCOUNT,
    CHANGE,
    CHANGE_RESULT,
    AccountQuestion,
    AccountView,
    ChangeAccepted,
    ChangeCommand,
    ChangeQuestion,
    ChangeResult,
    OrderView,
)
from agents.shop.rules import RuleViolation, refusals
from agents.support.evaluation.replay import Shop, ends_of, number_of, shop_of
from agents.support.evaluation.retail_user import RetailUser
from agents.support.evaluation.simulation import Answer
from agents.support.evaluation.tau2 import Task, retail_data, retail_tasks
from agents.support.models import Decided, Replied, Turn
from agents.support.run import ConversationRun

Serve = Callable[[Sequence[Turn]], Awaitable[Sequence[tuple[Decided, Replied]]]]
"""Answers turns of different conversations: what was decided and said for each."""
MOST_TURNS = 30
TRIES = 4


@dataclass(slots=True)
class Played:
    """One task played once: its own shop, the user, what was said, and whether the end is the right one."""

    task: Task
    attempt: int
    customer: str
    shop: Shop
    user: RetailUser
    lines: list[str] = field(default_factory=list)
    same: bool = False

    @property
    def name(self) -> str:
        """The name of its conversation."""
        return f"tau2-{self.task.id}-{self.attempt}"


@dataclass(slots=True)
class RetailShop:
    """Answers the questions of customer service from the shop of each conversation, by its customer.

    A customer is called by conversation and own name, as one customer has several tasks.
    """

    played: Mapping[str, Played]
    latest: Mapping[str, Sequence[str]]
    results: dict[str, ChangeResult] = field(default_factory=dict)

    def answers(self) -> Sequence[Answerer]:
        """The answers to the contracts of order processing."""

        @answer(ACCOUNT)
        async def view(question: AccountQuestion) -> AccountView:
            return self._view(question)

        @answer(CHANGE)
        async def change(command: ChangeCommand) -> ChangeAccepted:
            return self._changed(command)

        @answer(CHANGE_RESULT)
        async def result(question: ChangeQuestion) -> ChangeResult:
            return self.results[question.change]

        return view, change, result

    def _view(self, question: AccountQuestion) -> AccountView:
        one = self.played[question.customer]
        latest = tuple(self.latest[one.customer])[: question.latest]
        orders = {
            name: OrderView(**dict(order), refuses=refusals(order))
            for name in (*question.orders, *latest)
            if (order := one.shop.orders.get(name)) is not None and order.customer == one.customer
        }
        customer = one.shop.customers[one.customer]
        return AccountView(customer=customer, orders=orders, latest=latest)

    def _changed(self, command: ChangeCommand) -> ChangeAccepted:
        one = self.played[command.by]
        if command.turn not in self.results:
            try:
                one.shop.do(one.customer, command.request)
                self.results[command.turn] = ChangeResult(outcome="applied")
            except RuleViolation as error:
                self.results[command.turn] = ChangeResult(outcome="refused", rule=error.rule)
        return ChangeAccepted(change=command.turn)


def begin(tries: int = TRIES, tasks: Sequence[Task] | None = None) -> RetailShop:
    """Every task, each of the tries with its own shop and words. Raises NotInstalled."""
    data = retail_data()
    begun, goods = shop_of(data), catalogue()
    latest = {
        name: [number_of(order) for order in user["orders"][::-1]]
        for name, user in data["users"].items()
    }
    played = dict[str, Played]()
    for task in tasks or retail_tasks():
        customer = customer_of(task, data)
        for attempt in range(tries):
            shop = Shop(dict(begun.customers), dict(begun.orders), begun.catalogue)
            user = RetailUser(task, begun.customers[customer], begun, goods, attempt)
            one = Played(task, attempt, customer, shop, user)
            played[f"{one.name}:{customer}"] = one
    return RetailShop(played, latest)


def customer_of(task: Task, data: Mapping[str, Any]) -> str:
    """The customer whose task it is: who the actions are about, or else who the user says to be."""
    for action in task.actions:
        given = action.arguments
        if "user_id" in given:
            return str(given["user_id"])
        if given.get("order_id") in data["orders"]:
            return str(data["orders"][given["order_id"]]["user_id"])
    users: Mapping[str, Any] = data["users"]
    return next(name for name, user in users.items() if _is_known_as(user, task.known))


def _is_known_as(user: Mapping[str, Any], known: str) -> bool:
    name = user["name"]
    by_name = f"{name['first_name']} {name['last_name']}" in known
    return str(user["address"]["zip"]) in known and (by_name or str(user["user_id"]) in known)


def in_run(run: ConversationRun, reply: Answer) -> Serve:
    """Answers turns in this run; `reply` takes a batch of them through the workflow."""

    async def serve(turns: Sequence[Turn]) -> list[tuple[Decided, Replied]]:
        async for batch in run.accepted(turns):
            await reply(batch)
        return [(await run.answered(turn))[1:] for turn in turns]

    return serve


async def play_all(shop: RetailShop, serve: Serve) -> None:
    """Play all dialogues, a turn of each at a time, and judge their ends."""
    waiting = {name: one.user.first() for name, one in shop.played.items()}
    for number in range(1, MOST_TURNS + 1):
        turns = [
            Turn(conversation=shop.played[name].name, number=number, user=name, text=text)
            for name, text in waiting.items()
        ]
        answers, waiting = await serve(turns), {}
        for turn, (decided, replied) in zip(turns, answers, strict=True):
            one = shop.played[turn.user]
            one.lines += [f"user: {turn.text}", f"shop: {replied.text}"]
            if text := one.user.next(decided, replied):
                waiting[turn.user] = text
        if not waiting:
            break
    _judge(list(shop.played.values()))


def _judge(played: Sequence[Played]) -> None:
    """Compare each end with that of the benchmark's own tools."""
    ends = ends_of([one.task for one in played if one.attempt == 0])
    for one in played:
        end = ends[one.task.id]
        one.same = (one.shop.customers, one.shop.orders) == (end.customers, end.orders)


def measured_retail(shop: RetailShop) -> dict[str, float]:
    """pass^1 and pass^k of k tries, and the turns of a dialogue.

    pass^k is the share of tasks that all k tries end rightly (Yao et al., tau-bench, 2024). The rules are
    deterministic, so the tries differ by the user's words alone: with the same words both would coincide.
    """
    by_task: dict[str, list[bool]] = {}
    for one in shop.played.values():
        by_task.setdefault(one.task.id, []).append(one.same)
    tries = max(map(len, by_task.values()), default=0)
    turns = [len(one.lines) / 2 for one in shop.played.values()]
    return {
        "retail_pass_1": float(np.mean([np.mean(same) for same in by_task.values()])),
        f"retail_pass_{tries}": float(np.mean([all(same) for same in by_task.values()])),
        "retail_turns": float(np.mean(turns)),
    }
