"""A scripted user of the benchmark's retail shop, who knows the facts of a task and answers what is asked.

The first message is the benchmark's own reason for contact, in the first person. After it the user states
one wish after the other until each is done or refused, agrees to what equals a wish, and says no to anything
else. The facts are the actions that the benchmark expects; the words are drawn by a seed.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from agents.shop.accounts import CustomerAccount, OrderAccount, PostalAddress, Variant
from agents.support.dialogue.forms import KINDS as REQUEST_KINDS
from agents.support.dialogue.forms import MISTAKE, REPLACES, request_of
from agents.support.dialogue.wording import options_of, paid_by
from agents.support.evaluation.replay import KINDS, Shop, number_of
from agents.support.evaluation.tau2 import Action
from agents.support.evaluation.tau2 import Task as RetailTask
from agents.support.models import LONGEST_TEXT, Decided, Replied, Task, TaskName

MOST_STATED = 3  # times that a wish is stated before the user gives it up
FIRST_PERSON = (
    (r"\bthe agent (?!has|is|was|does)(\w+?)s\b", r"YOU \1"), (r"\bthe agent\b", "YOU"),
    (r"\byou are\b", "I am"), (r"\byou're\b", "I am"), (r"\byou'd\b", "I would"),
    (r"\byou've\b", "I have"), (r"\byourself\b", "myself"), (r"\byours\b", "mine"),
    (r"\byour\b", "my"), (r"(?-i:\byou\b|\bYou\b)", "I"), (r"\bYOU\b", "you"),
)  # fmt: skip
TASK_OF = {kind: name for name, kind in REQUEST_KINDS.items()}
WORDS: Mapping[str, Sequence[str]] = {
    "cancel_order": (
        "I want to cancel order {order}{because}", "please cancel {order}{because}",
        "could you cancel my order {order}{because}?", "{order} should be cancelled{because}",
    ),
    "return_items": (
        "I want to return {pieces} from order {order}", "please take back {pieces} of {order}",
        "I would like to send back {pieces}, order {order}", "can I return {pieces}? it is order {order}",
    ),
    "exchange_items": (
        "I want to exchange {pieces} of order {order} for {new}",
        "please swap {pieces} from {order} for {new}",
        "can I exchange {pieces} in order {order} for {new}?",
        "I would like {pieces} of {order} exchanged for {new}",
    ),
    "modify_items": (
        "I want to change {pieces} in order {order} to {new}",
        "please change {pieces} of {order} to {new}",
        "can you change {pieces} in my order {order} to {new}? it has not been shipped",
        "order {order} is pending: change {pieces} to {new}",
    ),
    "modify_payment": (
        "I want to pay order {order} by {method}", "please change the payment of {order} to {method}",
        "can I pay {order} with {method} instead?", "put order {order} on {method}",
    ),
    "modify_order_address": (
        "please ship order {order} to {address}", "I want order {order} sent to {address}",
        "change the shipping address of {order} to {address}", "can {order} go to {address} instead?",
    ),
    "modify_customer_address": (
        "my address is now {address}, please change it in my account",
        "please change the address of my account to {address}",
        "I have moved: update my default address to {address}",
        "can you set {address} as my address in my profile?",
    ),
    "order": (
        "it is order {order}{because}", "{order}{because}", "order number {order}, please{because}",
        "the one with number {order}{because}",
    ),
    "yes": ("yes", "yes, please", "yes, go ahead", "yes, that is right"),
    "no": ("no", "no, thanks", "no, don't do that", "no, please leave it"),
}  # fmt: skip


@dataclass(slots=True)
class Wish:
    """A change that the user wants; `stated` counts how often it was said, `asked` how often each fact was."""

    name: TaskName
    order: str
    pieces: tuple[str, ...]
    new: tuple[str, ...]
    method: str
    address: PostalAddress | None
    reason: str
    stated: int = 0
    asked: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class RetailUser:
    """A user with a task and an account; `shop` is the shop as it is at the beginning."""

    task: RetailTask
    customer: CustomerAccount
    shop: Shop
    goods: Mapping[str, Variant]
    seed: int
    wishes: list[Wish] = field(init=False)
    said: int = 0

    def __post_init__(self) -> None:
        """The wishes are the changes that the benchmark expects."""
        self.wishes = [_wish(one) for one in self.task.actions if one.changes]

    def first(self) -> str:
        """The benchmark's reason for contact, as the user would say it."""
        text = self.task.reason
        for pattern, word in FIRST_PERSON:
            text = re.sub(pattern, word, text, flags=0 if word == "you" else re.IGNORECASE)
        return text[:LONGEST_TEXT]

    def next(self, decided: Decided, replied: Replied) -> str:
        """What the user says to an answer; "" for nothing more."""
        self._forget(decided)
        after = replied.after
        if after.taken_over:
            return ""
        if after.options:
            return self._choice(after.options)
        if after.task is None or not after.task.asked:
            return self._state()
        wish = self._wanted(after.task)
        if wish is None:
            return self._words("no")
        return self._answer(after.task, wish)

    def _forget(self, decided: Decided) -> None:
        """A wish is over once it was requested or refused."""
        over = None
        if (request := decided.request) is not None:
            kind, order = TASK_OF[request.kind], getattr(request, "order", "")
            over = next((w for w in self.wishes if (w.name, w.order) == (kind, order)), None)
        self.wishes = [wish for wish in self.wishes if wish is not over and not _is_over(wish)]

    def _state(self) -> str:
        self.wishes = [wish for wish in self.wishes if not _is_over(wish)]
        if not self.wishes:
            return ""
        wish = self.wishes[0]
        wish.stated += 1
        return self._words(wish.name, wish)

    def _choice(self, options: Sequence[str]) -> str:
        wanted = [n for n, name in enumerate(options) if any(w.name == name for w in self.wishes)]
        if len(options) == 1:
            return self._words("yes" if wanted else "no")
        return ("the first", "the second")[wanted[0]] if wanted else self._words("no")

    def _wanted(self, task: Task) -> Wish | None:
        """The wish that the shop's question is about."""
        fits = [
            w
            for w in self.wishes
            if w.name == task.name and (not w.order or task.order in ("", w.order))
        ]
        return fits[0] if fits else None

    def _answer(self, task: Task, wish: Wish) -> str:
        asked = task.asked
        wish.asked[asked] += 1
        if wish.asked[asked] > MOST_STATED:
            wish.stated = MOST_STATED + 1
            return self._words("no")
        if asked == "confirm" and self._agrees(task, wish):
            return self._words("yes") + self._reason(wish)
        other = bool(task.pieces) and Counter(task.pieces) != Counter(wish.pieces)
        if asked == "confirm" or (other and asked != "pieces"):
            return f"no, {self._words(wish.name, wish)}"
        if asked == "order":
            return self._words("order", wish)
        return self._facts(wish)[asked]

    def _reason(self, wish: Wish) -> str:
        """The reason of a wish that the shop asked about before the user could state it: it goes with the yes."""
        is_known = wish.stated or wish.asked["order"] or MISTAKE.search(self.task.reason)
        return "" if is_known else self._facts(wish)["because"]

    def _agrees(self, task: Task, wish: Wish) -> bool:
        """Whether a yes would do what the user wants, and nothing else."""
        order = self.shop.orders.get(task.order)
        right = Counter(zip(task.pieces, task.new or task.pieces, strict=False))
        wanted = Counter(zip(wish.pieces, wish.new or wish.pieces, strict=False))
        request = request_of(task, order)
        same_method = not wish.method or getattr(request, "method", wish.method) == wish.method
        same_address = task.address == wish.address or wish.name not in _WITH_ADDRESS
        same_order = not wish.order or task.order == wish.order
        return same_order and right == wanted and same_method and same_address

    def _words(self, kind: str, wish: Wish | None = None) -> str:
        draw = np.random.default_rng([self.seed, int(self.task.id), self.said])
        self.said += 1
        ways = WORDS[kind]
        template = ways[int(draw.integers(len(ways)))]
        return template if wish is None else template.format(**self._facts(wish))

    def _facts(self, wish: Wish) -> dict[str, str]:
        mistake = wish.reason == "ordered by mistake"
        facts = {
            "order": wish.order,
            "because": ", I ordered it by mistake" if mistake else "",
            "pieces": self._pieces(wish) if wish.pieces else "",
            "new": self._new(wish) if wish.new else "",
            "method": paid_by(wish.method, self.customer, "en") if wish.method else "",
            "address": wish.address.on_one_line() if wish.address else "",
        }
        order = self.shop.orders.get(wish.order)
        paid = order.movements[0].method if order is not None and order.movements else wish.method
        if wish.method not in ("", paid) and wish.name != "modify_payment":
            facts["new" if wish.name in REPLACES else "order"] += f", by {facts['method']}"
        return facts

    def _pieces(self, wish: Wish) -> str:
        """The pieces by name; with their options where the name is not enough or was not."""
        order = self.shop.orders[wish.order]
        names = [self._called(sku, order, more=wish.asked["pieces"] > 1) for sku in wish.pieces]
        counted = Counter(names)
        return " and ".join(f"{n} of the {x}" if n > 1 else f"the {x}" for x, n in counted.items())

    def _called(self, sku: str, order: OrderAccount, *, more: bool) -> str:
        name = next((piece.name for piece in order.pieces if piece.sku == sku), sku)
        alike = {piece.sku for piece in order.pieces if piece.name == name}
        if sku not in self.goods or (not more and len(alike) < 2):
            return name
        return f"{name} ({options_of(self.goods[sku], 'en')})"

    def _new(self, wish: Wish) -> str:
        """What is wanted instead, by what is different; by number where that was not enough."""
        if wish.asked["new"] > 1 or wish.stated > 1:
            return " and ".join(wish.new)
        found = []
        for old, new in zip(wish.pieces, wish.new, strict=False):
            before, wanted = self.goods[old].options, self.goods[new].options
            changed = {name: x for name, x in wanted.items() if before.get(name) != x}
            different = self.goods[new].model_copy(update={"options": changed})
            words = options_of(different, "en").replace(", ", " and ")
            found.append(f"one with {words}" if changed else "the same again")
        return " and ".join(found)


_WITH_ADDRESS = {"modify_order_address", "modify_customer_address"}


def _is_over(wish: Wish) -> bool:
    return wish.stated > MOST_STATED


def _wish(action: Action) -> Wish:
    given = action.arguments
    address = None
    if "address1" in given:
        address = PostalAddress(
            line1=given["address1"],
            line2=given["address2"],
            city=given["city"],
            state=given["state"],
            postal_code=given["zip"],
            country="US",
        )
    return Wish(
        name=TASK_OF[KINDS[action.name]],  # type: ignore[index]  # of our kinds
        order=number_of(given.get("order_id", "")),
        pieces=tuple(given.get("item_ids", ())),
        new=tuple(given.get("new_item_ids", ())),
        method=given.get("payment_method_id", ""),
        address=address,
        reason=given.get("reason", ""),
    )
