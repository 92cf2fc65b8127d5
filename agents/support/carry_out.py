"""Carry out: what a turn asks of others is written into the journal once, in the user's own name."""

from agents.runtime.context import runtime
from agents.runtime.errors import TransientError
from agents.runtime.execution.agent import EffectKey
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.queries import ItemHistory, item_history, named
from agents.runtime.journal.submit import Disposition, NewItem, Sender, accept
from agents.runtime.model.policies import EFFECT, Lookup
from agents.runtime.model.scenario import hash_of
from agents.runtime.telemetry import new_trace
from agents.shop.account_view import address_keys
from agents.shop.requests import Change, ModifyCustomerAddress, Request
from agents.support import upcasts
from agents.support.decide_turn import CHANGES, HANDOVERS
from agents.support.handover import Handover, Line
from agents.support.models import CarriedOut, Decided, Dialogue, Replied, Turn, key_of
from agents.support.reply_turn import reply_turn

VERSION = "1"  # of the bodies of changes and hand-overs
REMEMBERED = 20  # turns of a transcript


async def find_carried_out(turn: Turn, decided: Decided) -> CarriedOut | None:
    """What the turn has written down already."""
    if decided.request is not None:
        change = await _change(turn, decided.request)
        if change is None:
            return None
        known = await named(runtime().journal, CHANGES, [change.key])
        same = known and known[0].body_hash == hash_of(change.model_dump_json())
        return CarriedOut(change=change.key) if same else None
    if decided.action == "hand_over":
        known = await named(runtime().journal, HANDOVERS, [turn.key])
        return CarriedOut(handover=turn.key) if known else None
    return CarriedOut()


@agent(EFFECT, version="1.1", upcasts={"1.1": upcasts.carried_out}, settle=Lookup(find_carried_out))
async def carry_out(turn: Turn, decided: Decided, _key: EffectKey) -> CarriedOut:
    """Ask for the change that the user has confirmed, or for a person."""
    if decided.request is not None:
        return await _ask_for(turn, decided.request)
    if decided.action == "hand_over":
        handover = await _handover(turn, decided)
        await _accept(HANDOVERS, turn.key, handover.model_dump_json())
        return CarriedOut(handover=turn.key)
    return CarriedOut()


async def _ask_for(turn: Turn, request: Request) -> CarriedOut:
    change = await _change(turn, request)
    if change is None:
        return CarriedOut(refused="too-many-addresses")
    if await _accept(CHANGES, change.key, change.model_dump_json()):
        return CarriedOut(change=change.key)
    if isinstance(request, ModifyCustomerAddress):
        raise TransientError("another change of the address took its number: it gets the next one")
    return CarriedOut(refused="already-requested")


async def _accept(scenario: str, key: str, body: str) -> bool:
    """Whether it is there now; False if something else has that name."""
    here = runtime()
    item = NewItem(key, body, hash_of(body), new_trace())
    sender = Sender(here.journal.tenant, scenario, VERSION)
    answers = await accept(here.journal.database, sender, [item])
    return answers[0].disposition is not Disposition.CONFLICT


async def _change(turn: Turn, request: Request) -> Change | None:
    """The change; one of the customer's address has its own number, or the first that is free, if any."""
    change = Change(by=turn.user, turn=turn.key, request=request)
    if not isinstance(request, ModifyCustomerAddress):
        return change
    keys = address_keys(turn.user)
    known = {row.key: row for row in await named(runtime().journal, CHANGES, keys)}
    for number, key in enumerate(keys, 1):
        numbered = change.model_copy(update={"number": number})
        row = known.get(key)
        if row is None or row.body_hash == hash_of(numbered.model_dump_json()):
            return numbered
    return None


async def _handover(turn: Turn, decided: Decided) -> Handover:
    first = max(1, turn.number - REMEMBERED)
    keys = [key_of(turn.conversation, n) for n in range(first, turn.number)]
    told = [
        found
        for key in keys
        if (found := await item_history(runtime().journal, "turns", key)) is not None
    ]
    lines = [line for found in told if (line := _line(found)) is not None]
    before = _remembered(told)
    about = before.task.name if before and before.task else "nothing in particular"
    order = before.order if before else ""
    return Handover(
        conversation=turn.conversation,
        turn=turn.key,
        user=turn.user,
        reason=decided.reason,
        summary=f"{turn.number} turns, about {about}{f' of order {order}' if order else ''}",
        task=before.task if before else None,
        transcript=(*lines, Line(said=turn.text, answered="")),
    )


def _line(told: ItemHistory) -> Line | None:
    replied = _replied(told)
    if replied is None or not told.item.body:
        return None
    return Line(said=Turn.model_validate_json(told.item.body).text, answered=replied.text)


def _remembered(told: list[ItemHistory]) -> Dialogue | None:
    replied = _replied(told[-1]) if told else None
    return replied.after if replied else None


def _replied(told: ItemHistory) -> Replied | None:
    for stage in told.steps:
        if stage.agent == reply_turn.name and stage.status == "done":
            replied: Replied = reply_turn.decode(stage.output, stage.version)
            return replied
    return None
