"""What the agents of customer service hand on: turns, what is understood, passages, replies."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Language = Literal["en", "zh"]
IntentName = Literal[
    "order_status", "refund_status", "cancel_order", "knowledge", "human", "greeting", "thanks",
    "affirm", "deny", "out_of_scope",
]  # fmt: skip
LONGEST_TEXT = 4_000


class Frozen(BaseModel, frozen=True, extra="forbid"):
    """A value; unknown fields are refused."""


class Turn(Frozen):
    """A work item: what one user says in a conversation, the `number`th thing of it."""

    conversation: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    number: Annotated[int, Field(ge=1)]
    user: Annotated[str, Field(min_length=1, max_length=100)]
    text: Annotated[str, Field(max_length=LONGEST_TEXT)]

    @property
    def key(self) -> str:
        """Its name in the journal."""
        return key_of(self.conversation, self.number)


def key_of(conversation: str, number: int) -> str:
    """The name of a turn in the journal."""
    return f"{conversation}#{number:06}"


class Intent(Frozen):
    """What somebody may want, and how sure that is, from 0 to 1."""

    name: IntentName
    confidence: float


class Understood(Frozen):
    """A turn in our words: the intents, the surest first, and the orders it names."""

    language: Language
    intents: Annotated[tuple[Intent, ...], Field(min_length=1)]
    orders: tuple[str, ...] = ()
    angry: bool = False

    @property
    def best(self) -> Intent:
        """The surest."""
        return self.intents[0]


class Passage(Frozen):
    """A section of a document that may answer a question."""

    document: str
    section: str
    text: str
    language: Language
    score: float


class Dialogue(Frozen):
    """What is remembered from turn to turn.

    `to_cancel` is an order that waits for a yes, `order` the one last spoken of; `failures` counts
    turns in a row that were not understood; a person has `taken_over`.
    """

    order: str = ""
    to_cancel: str = ""
    failures: int = 0
    taken_over: bool = False


Action = Literal[
    "none", "order_status", "refund_status", "ask_to_cancel", "cancel_order", "hand_over"
]


class Decided(Frozen):
    """What is done about a turn: an action, on which order, and passages to answer from."""

    action: Action
    order: str = ""
    state: str = ""
    known: bool = True
    passages: tuple[Passage, ...] = ()
    before: Dialogue = Dialogue()
    reason: str = ""


class CarriedOut(Frozen):
    """What came of an action that changes the world; `done` is false for what cannot be done any more."""

    done: bool


class Replied(Frozen):
    """The answer, what it rests on, and what is remembered."""

    text: str
    citations: tuple[str, ...] = ()
    after: Dialogue
