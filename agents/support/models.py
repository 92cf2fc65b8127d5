"""What the agents of customer service hand on: turns, what is understood, decided and answered."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from agents.shop.accounts import PostalAddress
from agents.shop.requests import Request

Language = Literal["en", "zh"]
TaskName = Literal[
    "order_status", "refund_status", "cancel_order", "return_items", "exchange_items",
    "modify_items", "modify_payment", "modify_order_address", "modify_customer_address",
]  # fmt: skip
IntentName = Literal[
    "order_status", "refund_status", "cancel_order", "return_items", "exchange_items",
    "modify_items", "modify_payment", "modify_order_address", "modify_customer_address",
    "knowledge", "human", "repeat", "greeting", "thanks", "affirm", "deny", "out_of_scope",
]  # fmt: skip
Slot = Literal["", "order", "pieces", "new", "method", "address", "confirm"]
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


class Slots(Frozen):
    """What a turn names: orders, goods by number, dates, amounts, ways of paying, an address."""

    orders: tuple[str, ...] = ()
    skus: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    amounts: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    address: PostalAddress | None = None
    everything: bool = False
    choice: int = 0


class Understood(Frozen):
    """A turn in our words: the intents, the surest first, what else it wants, and what it names.

    It is `wordless` if it says nothing but what it names.
    """

    language: Language
    wordless: bool = False
    intents: Annotated[tuple[Intent, ...], Field(min_length=1)]
    more: tuple[IntentName, ...] = ()
    slots: Slots = Slots()
    angry: bool = False

    @property
    def best(self) -> Intent:
        """The surest."""
        return self.intents[0]


class Passage(Frozen):
    """A section of a document that may answer a question; `since` is the day it was last checked."""

    document: str
    section: str
    text: str
    language: Language
    audience: str = "customers"
    since: str = ""
    score: float = 0.0

    @property
    def source(self) -> str:
        """How it is cited."""
        return f"{self.document}: {self.section}"


class Task(Frozen):
    """Something that a user wants done, as far as it is known; `asked` is the open question."""

    name: TaskName
    order: str = ""
    pieces: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    method: str = ""
    address: PostalAddress | None = None
    asked: Slot = ""


class AwaitedChange(Frozen):
    """A change that waits for a person: its key, and what the user wanted done to which order."""

    change: str
    task: str
    order: str = ""


class Dialogue(Frozen):
    """What is remembered from turn to turn.

    `task` is under way and `later` what comes after it; `order` was last spoken of; `options` are
    what a question has offered; `failures` counts turns in a row that were not understood; `said` is
    the last answer, in `language`; a person has `taken_over` since the turn of that name; the results
    of `awaited` changes are not reported yet.
    """

    task: Task | None = None
    later: tuple[Task, ...] = ()
    order: str = ""
    options: tuple[IntentName, ...] = ()
    failures: int = 0
    said: str = ""
    language: Language | None = None
    taken_over: str = ""
    awaited: tuple[AwaitedChange, ...] = ()


class Part(Frozen):
    """A sentence of an answer: a saying with its values, or a passage."""

    saying: str = ""
    values: Mapping[str, str] = {}
    passage: Passage | None = None


Action = Literal["none", "answer", "ask", "confirm", "change", "hand_over"]


class Decided(Frozen):
    """What is done about a turn: what to say, what to change, and what to remember.

    `parts` are said in any case; `then` only after a change; `besides` are passages that fit less well.
    """

    action: Action
    reason: str = ""
    request: Request | None = None
    parts: tuple[Part, ...] = ()
    then: tuple[Part, ...] = ()
    besides: tuple[Passage, ...] = ()
    after: Dialogue = Dialogue()


class CarriedOut(Frozen):
    """What was asked of others in the journal: the names of a change and of a hand-over.

    `refused` is the rule by which a change could not even be asked for.
    """

    change: str = ""
    refused: str = ""
    handover: str = ""


class ChangeOutcome(Frozen):
    """The result of the change with this key; `rule` is the one that refused it."""

    outcome: Literal["none", "applied", "refused", "waiting"] = "none"
    rule: str = ""
    change: str = ""


class EndedChange(Frozen):
    """A work item: the change of this key has ended."""

    change: str


class Phrased(Frozen):
    """An answer in a model's words, and the passages that it cites; empty if there is none."""

    text: str = ""
    citations: tuple[str, ...] = ()


class Replied(Frozen):
    """The answer, what it rests on, and what is remembered."""

    text: str
    citations: tuple[str, ...] = ()
    after: Dialogue
