"""Turns of conversations, and the facts that the agents of customer service state about them."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from agents.shop.accounts import Kind, PostalAddress
from agents.shop.requests import Request

Language = Literal["en", "zh"]
TaskName = Literal[
    "order_status", "order_contents", "refund_status", "cancel_order", "return_items", "exchange_items",
    "modify_items", "modify_payment", "modify_order_address", "modify_customer_address",
]  # fmt: skip
IntentName = Literal[
    "order_status", "order_contents", "refund_status", "cancel_order", "return_items", "exchange_items",
    "modify_items", "modify_payment", "modify_order_address", "modify_customer_address",
    "order_list", "product", "gift_card", "invoice", "payment_problem", "complaint", "account", "place_order",
    "knowledge", "human", "bot", "repeat", "greeting", "thanks", "goodbye", "affirm", "deny", "out_of_scope",
]  # fmt: skip
Slot = Literal["", "order", "pieces", "new", "method", "address", "confirm"]
LONGEST_TEXT = 4_000
TURN: JsonValue = {
    "conversation": "chat-7",
    "number": 3,
    "user": "C-1042",
    "text": "Where is my order W1763367?",
}


class Frozen(BaseModel, frozen=True, extra="forbid"):
    """A value; unknown fields are refused."""


class Turn(Frozen):
    """A work item: what a user says in a conversation; `number` is its place in it, from 1."""

    model_config = ConfigDict(json_schema_extra={"examples": [TURN]})

    conversation: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    number: Annotated[int, Field(ge=1)]
    user: Annotated[str, Field(min_length=1, max_length=100)]
    text: Annotated[str, Field(max_length=LONGEST_TEXT)]

    @property
    def key(self) -> str:
        """Its key in the journal."""
        return key_of(self.conversation, self.number)


def key_of(conversation: str, number: int) -> str:
    """The key of a turn in the journal."""
    return f"{conversation}#{number:06}"


def is_take_over(handover: str) -> bool:
    """Whether a person has taken the conversation over, who answers now; otherwise one was asked for."""
    return "." in handover.rpartition("#")[2]


def said_by(body: str) -> str:
    """The user of the turn with this stored body; "" for a body that was pruned."""
    return Turn.model_validate_json(body).user if body else ""


class Intent(Frozen):
    """What a user may want, and its probability from 0 to 1."""

    name: IntentName
    confidence: float


class Slots(Frozen):
    """What a turn names: orders, SKUs, dates, amounts, methods of payment, an address.

    `everything` means all pieces of an order, `choice` is the number of an offered option.
    """

    orders: tuple[str, ...] = ()
    skus: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    amounts: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    address: PostalAddress | None = None
    everything: bool = False
    choice: int = 0


class Wish(Frozen):
    """One of several wishes of a turn: its intent, the text about it, what that names, and asks of an order.

    `likely` are the intents that its words can have, as for a turn.
    """

    name: IntentName
    text: str
    slots: Slots = Slots()
    topics: tuple[str, ...] = ()
    likely: tuple[Intent, ...] = ()


class Understood(Frozen):
    """What a turn means: the intents, the most probable first, the wishes if several, and what it names.

    A `wordless` turn has no words except names, such as the number of an order. `topics` are what it asks of
    an order, such as "order_contents/price". `likely` are all intents that are not quite improbable, before it
    is known what the account allows.
    """

    language: Language
    wordless: bool = False
    intents: Annotated[tuple[Intent, ...], Field(min_length=1)]
    wishes: tuple[Wish, ...] = ()
    slots: Slots = Slots()
    angry: bool = False
    topics: tuple[str, ...] = ()
    likely: tuple[Intent, ...] = ()

    @property
    def best(self) -> Intent:
        """The most probable intent."""
        return self.intents[0]


class Passage(Frozen):
    """A section of a document; `since` is the day when its document was last checked."""

    document: str
    section: str
    text: str
    language: Language
    audience: str = "customers"
    since: str = ""
    score: float = 0.0

    @property
    def source(self) -> str:
        """The text of its citation."""
        return f"{self.document}: {self.section}"


class Task(Frozen):
    """What a user wants done, as far as it is known; `asked` is the value that a question is open for.

    `text` is what was said about it, the last turn at its end; `topics` are the facts of an order that are asked
    for, and none means all of them.
    """

    name: TaskName
    order: str = ""
    pieces: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    method: str = ""
    address: PostalAddress | None = None
    asked: Slot = ""
    text: str = ""
    topics: tuple[str, ...] = ()


Skus = Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=50)]


class Command(Frozen):
    """What a language model takes a turn for; it has no text that a customer could be shown.

    `include` and `exclude` are SKUs of the `order`, one for each piece; without any of them the selection
    is `everything` or nothing. The plan of the reply: `passages` are the numbers of those that answer it,
    the best first, and `unsure` says that the customer should be asked what is meant.
    """

    intent: IntentName
    order: Annotated[str, Field(max_length=64)] = ""
    everything: bool = False
    include: Skus = ()
    exclude: Skus = ()
    new: Skus = ()
    method: Kind | Literal[""] = ""
    address: PostalAddress | None = None
    passages: Annotated[tuple[int, ...], Field(max_length=5)] = ()
    unsure: bool = False


class Proposed(Frozen):
    """The command that a language model proposes for a turn, if any, and what it has used for it."""

    command: Command | None = None
    tokens: int = 0
    dollars: float = 0.0


class AwaitedChange(Frozen):
    """A change that waits for a person: its key, the name of the task, and the order."""

    change: str
    task: str
    order: str = ""


class Dialogue(Frozen):
    """What is remembered from one turn to the next.

    `task` is under way, the tasks `later` follow it; `order` was named last; `options` are the intents
    that the last question offers about the text that `began` them; `failures` counts turns in a row that
    were not understood; `said` is the last answer, in `language`; `taken_over` is the key of the hand-over
    to a person; the results of `awaited` changes are not reported yet; `topics` are the facts of an order that
    were said last.
    """

    task: Task | None = None
    later: tuple[Task, ...] = ()
    began: str = ""
    order: str = ""
    options: tuple[IntentName, ...] = ()
    failures: int = 0
    said: str = ""
    language: Language | None = None
    taken_over: str = ""
    awaited: tuple[AwaitedChange, ...] = ()
    topics: tuple[str, ...] = ()


class Part(Frozen, serialize_by_alias=True, validate_by_name=True):
    """A sentence of an answer: a template with the values of its gaps, or a passage."""

    template: str = Field("", alias="saying")  # as earlier releases store and read it
    values: Mapping[str, str] = {}
    passage: Passage | None = None


Action = Literal["none", "answer", "ask", "confirm", "change", "hand_over"]


class Decided(Frozen):
    """The decision about a turn: what to say, what to request, and what to remember `after` it.

    `parts` are said in any case, `then` only after a change; `besides` are passages that fit less well.
    """

    action: Action
    reason: str = ""
    request: Request | None = None
    parts: tuple[Part, ...] = ()
    then: tuple[Part, ...] = ()
    besides: tuple[Passage, ...] = ()
    after: Dialogue = Dialogue()


class CarriedOut(Frozen):
    """The keys of the change and of the hand-over that the turn has started.

    `refused` is the rule by which order processing did not accept the change.
    """

    change: str = ""
    refused: str = ""
    handover: str = ""


class ChangeOutcome(Frozen):
    """The result of the change with this key; `rule` is the rule of the shop that refused it."""

    outcome: Literal["none", "applied", "refused", "waiting"] = "none"
    rule: str = ""
    change: str = ""


class EndedChange(Frozen):
    """A work item: the change of this key has ended."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"change": "W1763367:cancel"}]})

    change: str


class Phrased(Frozen):
    """An answer that a language model has written, and its citations; empty if there is none."""

    text: str = ""
    citations: tuple[str, ...] = ()


class Replied(Frozen):
    """The answer, its citations, and what is remembered after it."""

    text: str
    citations: tuple[str, ...] = ()
    after: Dialogue
