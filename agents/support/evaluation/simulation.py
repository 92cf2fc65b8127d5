"""Scripted users, each with an aim and an own order, played turn by turn through the real workflow."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.runtime.model.batch import Batch
from agents.runtime.settings import settings
from agents.support.decide_turn import view_shop
from agents.support.evaluation.gold import Script, ScriptedTurn
from agents.support.evaluation.grounding import unsupported
from agents.support.evaluation.measures import percentile, precision_recall
from agents.support.models import Decided, Language, Replied, Turn
from agents.support.run import ConversationRun

ELSEWHERE = "somebody-else"
NEW_ADDRESS = "new address"
ADDRESSES: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "line1": "1 Elm Street", "city": "Reno", "state": "NV", "postal_code": "89501", "country": "US",
    },
    "zh": {"line1": "和平路5号", "city": "北京市", "postal_code": "100022", "country": "CN"},
}  # fmt: skip
"""Each in the country of its script's addresses: the shop ships within the country only."""

Answer = Callable[[Batch], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Played:
    """The result of a script: the first problem, and the seconds of its turns.

    `unfounded` are parts of answers that are in no cited passage and no template.
    """

    script: Script
    problem: str
    handed_over: bool
    seconds: Sequence[float] = field(default_factory=list)
    unfounded: Sequence[str] = ()


def number_of(place: int) -> str:
    """The order of the script at that place."""
    return f"EV{place:05}"


def user_of(place: int) -> str:
    """The user of the script at that place."""
    return f"user-{place}"


def order_body(place: int, script: Script) -> dict[str, Any]:
    """The order of the script; where the script has none, an order of another customer."""
    goods = [("Desk Lamp", "900000001", 3_000), ("Water Bottle", "900000002", 1_500)]
    owner = ELSEWHERE if script.order == "none" else user_of(place)
    return {
        "order_id": number_of(place),
        "customer": {"id": owner, "name": "Ann Lee", "email": "ann@example.com"},
        "address": ADDRESSES[script.language],
        "currency": "USD",
        "lines": [
            {"sku": sku, "name": name, "quantity": 1, "unit_price": price}
            for name, sku, price in goods
        ],
        "total": sum(price for _, _, price in goods),
        "payment_method": "pm_card_visa",
    }  # fmt: skip


async def play(run: ConversationRun, place: int, script: Script, answer: Answer) -> Played:
    """Play one script; `answer` takes a batch of turns through the workflow."""
    seconds, unfounded, problem, handed_over = [], [], "", False
    for number, exchange in enumerate(script.turns, 1):
        text = exchange.says.format(order=number_of(place), item="the desk lamp")
        conversation = f"script-{place}"
        turn = Turn(conversation=conversation, number=number, user=user_of(place), text=text)
        begun = time.perf_counter()
        async for batch in run.accepted([turn]):
            await answer(batch)
        understood, decided, replied = await run.answered(turn)
        seconds.append(time.perf_counter() - begun)
        handed_over |= bool(replied.after.taken_over)
        language = replied.after.language or understood.language
        if left := unsupported(replied.text, replied.citations, language):
            unfounded.append(left)
        problem = problem or _problem(exchange, decided, replied)
    problem = problem or await _wrong_end(place, script)
    return Played(script, problem, handed_over, seconds, unfounded)


def _problem(exchange: ScriptedTurn, decided: Decided, replied: Replied) -> str:
    action = decided.request.kind if decided.request is not None else decided.action
    if exchange.action and action != exchange.action:
        return f"{exchange.says!r}: {action}, not {exchange.action}: {replied.text}"
    if exchange.has not in replied.text:
        return f"{exchange.says!r}: {replied.text!r} does not say {exchange.has!r}"
    if bool(replied.after.taken_over) != exchange.handoff:
        return f"{exchange.says!r}: handed over is {bool(replied.after.taken_over)}"
    return ""


async def _wrong_end(place: int, script: Script) -> str:
    if not script.ends:
        return ""
    shop = await view_shop(user_of(place), {number_of(place)})
    account = shop.orders[number_of(place)]
    if script.ends == NEW_ADDRESS:
        moved = account.address.line1 != ADDRESSES[script.language]["line1"]
        return "" if moved else "the order still goes to the old address"
    return "" if account.status == script.ends else f"the order is {account.status}"


def measured_dialogues(played: Sequence[Played]) -> dict[str, float]:
    """Task success, hand-over, groundedness and time over all scripts."""
    handed_over = [one.handed_over for one in played]
    precision, recall = precision_recall(handed_over, [one.script.escalates for one in played])
    seconds = [second for one in played for second in one.seconds]
    return {
        "task_success": float(np.mean([not one.problem for one in played])),
        "handoff_precision": precision,
        "handoff_recall": recall,
        "unsupported_statements": float(sum(len(one.unfounded) for one in played)),
        "groundedness": 1 - sum(len(one.unfounded) for one in played) / len(seconds),
        "turn_p50_ms": percentile(seconds, 0.5) * 1_000,
        "turn_p95_ms": percentile(seconds, 0.95) * 1_000,
    } | (
        {} if settings().models else {"cost_per_turn": 0.0}
    )  # without a model a turn costs nothing
