"""What becomes of a command that a language model proposes: the rules stay those without a model.

- A yes or no is taken from the customer's own words alone, and so is that a person is wanted.
- A name counts only if it was there before: an own order, a piece of it, a kind of payment of the account.
  Each part of an address stands in the message.
- Where both read and change nothing, the command counts. Where one of both would change something, the
  customer is asked, once. Where both want the same, the command fills in what is missing; where it
  names others, the question is open again.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from agents.shop.accounts import PostalAddress
from agents.shop.contracts import OrderView
from agents.support.dialogue.forms import KINDS, REPLACES, ShopView
from agents.support.models import (
    Command,
    Dialogue,
    Intent,
    IntentName,
    Passage,
    Slots,
    Task,
    Understood,
)
from agents.support.understanding.consent import verdict

UNSURE = 0.35  # an intent that is less probable is not acted on
NEVER = {"affirm", "deny", "repeat"}  # what only the customer's own words say
ASKED = KINDS.keys() | {"human"}  # what is asked for before it is begun because a model says so


@dataclass(frozen=True, slots=True)
class Selection:
    """The part of a command that names things, each of which was there before."""

    intent: IntentName
    order: str = ""
    pieces: tuple[str, ...] = ()
    new: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Disposed:
    """A turn as it is decided on: `doubt` are the intents of which the customer is asked which is meant."""

    understood: Understood
    doubt: tuple[IntentName, ...] = ()
    selection: Selection | None = None


def needs_proposal(text: str, understood: Understood, before: Dialogue) -> bool:
    """Whether a command may count for this turn at all."""
    task = before.task
    plain = verdict(text, task.name if task else "order_status", task.order if task else "")
    wants_a_person = understood.angry or understood.best.name == "human"
    several = bool(understood.wishes)
    return not (
        plain != "neither" or wants_a_person or several or understood.wordless or before.taken_over
    )


def dispose(
    command: Command | None, text: str, understood: Understood, before: Dialogue, shop: ShopView
) -> Disposed:
    """The turn as it is decided on, with what may count of the command."""
    nothing = Disposed(understood)
    if command is None or command.intent in NEVER:
        return nothing
    if not needs_proposal(text, understood, before):
        return nothing
    best, wanted = understood.best, command.intent
    mine = best.name if best.confidence >= UNSURE else "out_of_scope"
    if wanted == mine:
        named = _with_names(understood, command, text, shop)
        return Disposed(named, _unsure(command, before), _selection(command, shop))
    if before.options:
        among = wanted in before.options and mine not in before.options
        return Disposed(_meaning(understood, wanted)) if among else nothing
    doubt = tuple(dict.fromkeys(name for name in (mine, wanted) if name in ASKED))
    if doubt:
        return Disposed(understood, doubt, _selection(command, shop))
    return Disposed(_meaning(_with_names(understood, command, text, shop), wanted))


def chosen_passages(command: Command | None, passages: Sequence[Passage]) -> Sequence[Passage]:
    """The passages in the order of the command: it may choose among them, and can add none."""
    numbers = command.passages if command is not None else ()
    first = [passages[n - 1] for n in dict.fromkeys(numbers) if 0 < n <= len(passages)]
    return (*first, *(passage for passage in passages if passage not in first))


def completed(task: Task, selection: Selection | None, before: Dialogue, shop: ShopView) -> Task:
    """The task with the selection: what is missing is filled in, what differs is asked for again.

    The answer to a question that was open for it is the customer's own, and stays.
    """
    if selection is None or selection.intent != task.name:
        return task
    asked = before.task.asked if before.task is not None else ""
    if selection.order and selection.order != task.order and asked != "order":
        if task.order:
            return task.model_copy(update={"order": "", "pieces": (), "new": ()})
        task = task.model_copy(update={"order": selection.order})
    if task.order not in shop.orders or selection.order not in ("", task.order):
        return task
    if selection.pieces and asked != "pieces":
        same = not task.pieces or Counter(task.pieces) == Counter(selection.pieces)
        task = task.model_copy(update={"pieces": selection.pieces if same else ()})
    if task.name in REPLACES and selection.new and asked != "new" and task.pieces:
        same = not task.new or task.new == selection.new
        fits = same and task.pieces == selection.pieces
        task = task.model_copy(update={"new": selection.new if fits else ()})
    return task


def _unsure(command: Command, before: Dialogue) -> tuple[IntentName, ...]:
    """The intent to ask about if the model itself is unsure, unless it was asked about just now."""
    is_begun = before.task is not None or bool(before.options)
    return (command.intent,) if command.unsure and command.intent in KINDS and not is_begun else ()


def _meaning(understood: Understood, wanted: IntentName) -> Understood:
    intents = (Intent(name=wanted, confidence=1.0), *understood.intents)
    return understood.model_copy(update={"intents": intents})


def _with_names(understood: Understood, command: Command, text: str, shop: ShopView) -> Understood:
    """What the turn names, with what the command names besides; nothing that was named is replaced."""
    slots: Slots = understood.slots
    found: dict[str, object] = {}
    kinds = {method.kind for method in shop.customer.methods.values()}
    if not slots.methods and command.method in kinds:
        found["methods"] = (command.method,)
    if slots.address is None and command.address is not None:
        found["address"] = _copied(command.address, text, shop)
    if not slots.orders and command.order in shop.orders and command.intent not in KINDS:
        found["orders"] = (command.order,)
    return understood.model_copy(update={"slots": slots.model_copy(update=found)})


def _selection(command: Command, shop: ShopView) -> Selection:
    order = shop.orders.get(command.order)
    if order is None:
        return Selection(command.intent)
    pieces = _pieces(command, order)
    new = tuple(sku for sku in command.new if sku in shop.goods)
    return Selection(command.intent, order.order, pieces, new if new == command.new else ())


def _pieces(command: Command, order: OrderView) -> tuple[str, ...]:
    """The pieces that are selected; none if one of them is not in the order, or too often."""
    have = Counter(piece.sku for piece in order.pieces)
    chosen = have if command.everything or not command.include else Counter(command.include)
    selects = command.everything or command.include or command.exclude
    if not selects or not chosen <= have or not Counter(command.exclude) <= chosen:
        return ()
    return tuple((chosen - Counter(command.exclude)).elements())


def _copied(address: PostalAddress, text: str, shop: ShopView) -> PostalAddress | None:
    """The address if the message has each part of it, and the country is one of the customer's."""
    plain = text.casefold()
    parts = (address.line1, address.line2, address.city, address.state, address.postal_code)
    known = {order.address.country for order in shop.orders.values()}
    known |= {shop.customer.address.country} if shop.customer.address is not None else set()
    copied = all(part.casefold() in plain for part in parts)
    needed = address.line1 and address.city and address.postal_code
    return address if copied and needed and address.country in known else None
