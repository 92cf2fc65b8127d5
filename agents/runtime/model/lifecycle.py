"""The states of a work item and the events between them, as one table."""

from enum import StrEnum

from agents.runtime.errors import IllegalTransition


class State(StrEnum):
    """The state of a work item."""

    PENDING = "pending"
    PROCESSING = "processing"
    WAITING = "waiting"
    COMPENSATING = "compensating"
    COMPLETED = "completed"
    FAILED = "failed"
    COMPENSATED = "compensated"
    CANCELLED = "cancelled"
    DEAD_LETTERED = "dead_lettered"


class Event(StrEnum):
    """What happens to a work item."""

    ACCEPT = "accept"
    BLOCK = "block"
    RELEASE = "release"
    MOVE = "move"
    CLAIM = "claim"
    TAKE_OVER = "take_over"
    HAND_BACK = "hand_back"
    DELAY = "delay"
    PARK = "park"
    COMPLETE = "complete"
    FAIL = "fail"
    DECIDE = "decide"
    ESCALATE = "escalate"
    CANCEL = "cancel"
    EXPIRE = "expire"
    ABANDON = "abandon"
    SKIP = "skip"
    DEAD_LETTER = "dead_letter"
    EDIT = "edit"
    MEND = "mend"
    RESTART = "restart"
    REPLAY = "replay"
    DISCARD = "discard"
    REOPEN = "reopen"
    RESEND = "resend"
    END_FAILED = "end_failed"
    END_COMPENSATED = "end_compensated"
    END_CANCELLED = "end_cancelled"


ENDED = frozenset(
    {State.COMPLETED, State.FAILED, State.COMPENSATED, State.CANCELLED, State.DEAD_LETTERED}
)

TRANSITIONS: dict[tuple[State | None, Event], State] = {
    (None, Event.ACCEPT): State.PENDING,
    (State.PENDING, Event.BLOCK): State.WAITING,
    (State.WAITING, Event.RELEASE): State.PENDING,
    (State.WAITING, Event.ABANDON): State.CANCELLED,
    (State.PENDING, Event.ABANDON): State.CANCELLED,
    (State.PENDING, Event.SKIP): State.COMPLETED,
    (State.WAITING, Event.SKIP): State.COMPLETED,
    (State.PENDING, Event.MOVE): State.PENDING,
    (State.WAITING, Event.MOVE): State.WAITING,
    (State.PENDING, Event.CLAIM): State.PROCESSING,
    (State.PROCESSING, Event.TAKE_OVER): State.PROCESSING,
    (State.PROCESSING, Event.HAND_BACK): State.PENDING,
    (State.PROCESSING, Event.DELAY): State.PENDING,
    (State.PROCESSING, Event.PARK): State.WAITING,
    (State.WAITING, Event.DECIDE): State.PENDING,
    (State.PENDING, Event.EDIT): State.PENDING,
    (State.WAITING, Event.EDIT): State.PENDING,
    (State.WAITING, Event.RESTART): State.PENDING,
    (State.WAITING, Event.ESCALATE): State.WAITING,
    (State.PENDING, Event.CANCEL): State.PENDING,
    (State.WAITING, Event.CANCEL): State.COMPENSATING,
    (State.WAITING, Event.EXPIRE): State.COMPENSATING,
    (State.PROCESSING, Event.CANCEL): State.PROCESSING,
    (State.PROCESSING, Event.COMPLETE): State.COMPLETED,
    (State.PROCESSING, Event.FAIL): State.COMPENSATING,
    (State.PROCESSING, Event.DEAD_LETTER): State.DEAD_LETTERED,
    (State.DEAD_LETTERED, Event.MEND): State.DEAD_LETTERED,
    (State.DEAD_LETTERED, Event.REPLAY): State.PENDING,
    (State.DEAD_LETTERED, Event.RESTART): State.PENDING,
    (State.DEAD_LETTERED, Event.CANCEL): State.COMPENSATING,
    (State.DEAD_LETTERED, Event.DISCARD): State.FAILED,
    (State.DEAD_LETTERED, Event.SKIP): State.COMPLETED,
    (State.COMPENSATING, Event.PARK): State.COMPENSATING,
    (State.COMPENSATING, Event.DECIDE): State.COMPENSATING,
    (State.COMPENSATING, Event.ESCALATE): State.COMPENSATING,
    (State.COMPENSATING, Event.REPLAY): State.COMPENSATING,
    (State.COMPENSATING, Event.DISCARD): State.FAILED,
    (State.COMPENSATING, Event.CLAIM): State.COMPENSATING,
    (State.COMPENSATING, Event.TAKE_OVER): State.COMPENSATING,
    (State.COMPENSATING, Event.HAND_BACK): State.COMPENSATING,
    (State.COMPENSATING, Event.DELAY): State.COMPENSATING,
    (State.COMPENSATING, Event.DEAD_LETTER): State.COMPENSATING,
    (State.COMPENSATING, Event.END_FAILED): State.FAILED,
    (State.COMPENSATING, Event.END_COMPENSATED): State.COMPENSATED,
    (State.COMPENSATING, Event.END_CANCELLED): State.CANCELLED,
    (State.FAILED, Event.REOPEN): State.COMPENSATING,
    (State.COMPENSATED, Event.REOPEN): State.COMPENSATING,
    (State.CANCELLED, Event.REOPEN): State.COMPENSATING,
    **{(state, Event.RESEND): state for state in State if state in ENDED},
}


def next_state(item: str, state: State, event: Event) -> State:
    """The state after `event`. Raises IllegalTransition, which names item, state and event."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(item, state, event) from None


def draw() -> str:
    """The table as a Mermaid state diagram, with one arrow for all events between two states."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (source, event), target in TRANSITIONS.items():
        arrows.setdefault((source or "[*]", target), []).append(event)
    lines = [f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in arrows.items()]
    ends = [f"    {state} --> [*]" for state in State if state in ENDED]
    return "\n".join(["stateDiagram-v2", *lines, *ends])
