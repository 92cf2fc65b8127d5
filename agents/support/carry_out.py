"""Carry out: request the change that a turn confirms, or hand the conversation over to a person."""

from agents.runtime import EFFECT, EffectKey, SameKey, agent, runtime
from agents.runtime.intake.enqueue import enqueue
from agents.runtime.journal.queries import ItemHistory, item_history
from agents.runtime.messaging import ask
from agents.shop.contracts import CHANGE, ChangeCommand
from agents.support import upcasts
from agents.support.handover import HANDOVERS, Handover, Line
from agents.support.models import CarriedOut, Decided, Dialogue, Replied, Turn, key_of, said_by
from agents.support.reply_turn import reply_turn
from agents.support.scenario import TURNS

REMEMBERED = 20  # turns of a transcript


# The keys of changes and hand-overs are kept for ever, also when their items are pruned.
@agent(EFFECT, version="1.1", upcasts={"1.1": upcasts.carried_out}, settle=SameKey())
async def carry_out(turn: Turn, decided: Decided, key: EffectKey) -> CarriedOut:
    """Command the change that the user has confirmed, or ask for a person: each once for a turn."""
    if decided.request is not None:
        command = ChangeCommand(by=turn.user, turn=turn.key, request=decided.request)
        accepted = await ask(CHANGE, command, correlation=key)
        return CarriedOut(change=accepted.change, refused=accepted.refused)
    if decided.action == "hand_over":
        await enqueue(HANDOVERS, turn.key, await _handover(turn, decided))
        return CarriedOut(handover=turn.key)
    return CarriedOut()


async def _handover(turn: Turn, decided: Decided) -> Handover:
    first = max(1, turn.number - REMEMBERED)
    keys = [key_of(turn.conversation, n) for n in range(first, turn.number)]
    turns = [
        found
        for key in keys
        if (found := await item_history(runtime().journal, TURNS.name, key)) is not None
        and said_by(found.item.body) == turn.user
    ]
    lines = [line for found in turns if (line := _line(found)) is not None]
    before = _remembered(turns)
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


def _line(turn: ItemHistory) -> Line | None:
    replied = _replied(turn)
    if replied is None or not turn.item.body:
        return None
    return Line(said=Turn.model_validate_json(turn.item.body).text, answered=replied.text)


def _remembered(turns: list[ItemHistory]) -> Dialogue | None:
    replied = _replied(turns[-1]) if turns else None
    return replied.after if replied else None


def _replied(turn: ItemHistory) -> Replied | None:
    for step in turn.steps:
        if step.agent == reply_turn.name and step.status == "done":
            replied: Replied = reply_turn.decode(step.output, step.version)
            return replied
    return None
