"""What the next step of a dialogue follows from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from agents.support.dialogue.disposing import UNSURE, Selection
from agents.support.dialogue.forms import INFORMS, REPLACES, ShopView
from agents.support.models import Dialogue, Intent, IntentName, TaskName, Turn, Understood
from agents.support.understanding.consent import verdict
from agents.support.understanding.wishes import PAYS

CLOSE = 0.15  # if the first two intents differ by less, a question asks which of them is meant
TASKS = frozenset(get_args(TaskName))


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


NAMED: Mapping[IntentName, re.Pattern[str]] = {
    "cancel_order": _words(r"\bcancel|取消"),
    "return_items": _words(r"\b(?:return|refund|(?:send|give) \w+ back|money back)|退"),
    "exchange_items": _words(r"\b(?:exchange|swap|replace)|换"),
    "modify_payment": _words(r"\b(?:pay(?!pal)|card)|付"),
    "modify_customer_address": _words(r"\b(?:account|profile)\b|账[户号]"),
    "modify_order_address": _words(r"\border\b|订单|那[单笔]"),
}
"""How the offered wishes are called in an answer to which of two is meant."""


# "The money, no exchange": which of two is meant is not what is denied.
NOT_WANTED = re.compile(
    r"\b(?:not?|without|don'?t (?:want|need)(?: to)?|instead of|rather than)(?: (?:an?|the|any|to))* \w+"
    r"|(?:不用?|不要|不想|别|而?不是)[要给帮我]*[退换改取付]\w?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TurnContext:
    """A turn with everything that its decision may depend on.

    `doubt` and `selection` are what counts of a language model's command: see `disposing.py`.
    """

    turn: Turn
    understood: Understood
    before: Dialogue
    shop: ShopView
    doubt: tuple[IntentName, ...] = ()
    selection: Selection | None = None

    @property
    def intent(self) -> IntentName:
        """The most probable intent; if some were offered, the one that the turn chooses."""
        options, chosen = self.before.options, self.understood.slots.choice
        if len(options) == 1 and verdict(self.turn.text, "order_status", "") == "yes":
            return options[0]
        wanted = NOT_WANTED.sub(" ", self.turn.text)
        said = [name for name in options if name in NAMED and NAMED[name].search(wanted)]
        if len(options) > 1 and len(said) == 1:
            return said[0]
        if options and 0 < chosen <= len(options):
            return options[chosen - 1]
        named = [i.name for i in self.understood.intents if i.name in options]
        return named[0] if named else self.understood.best.name

    @property
    def sure(self) -> bool:
        """Whether the intent is clear enough to act on."""
        first, *others = self.understood.intents
        families = (REPLACES, INFORMS) if self.before.task is None else (REPLACES,)
        alike = others and any({first.name, others[0].name} <= some for some in families)
        known = first.confidence + (others[0].confidence if alike else 0)
        return known >= UNSURE or self.intent in self.before.options

    @property
    def close(self) -> tuple[IntentName, ...]:
        """The first two intents if both are tasks, they are close, and nothing was offered before."""
        first, *others = self.understood.intents
        if not others or self.understood.wishes or self.before.options:
            return ()
        tasks = first.name in TASKS and others[0].name in TASKS
        both = {first.name, others[0].name}
        if both <= REPLACES or both <= INFORMS:
            return ()  # the order tells which of them is possible; questions are both answered
        is_close = first.confidence - others[0].confidence < CLOSE
        return (first.name, others[0].name) if tasks and is_close else ()


def with_named(understood: Understood, text: str) -> Understood:
    """What was understood, where two wishes are as probable, and the text calls one of them by its name."""
    first, *others = understood.intents
    # "Swap it for the red one, by PayPal" names the payment of what is swapped.
    swaps = NAMED["exchange_items"].search(text) and not PAYS.search(text)
    if first.name == "modify_payment" and swaps:
        wish = Intent(name="exchange_items", confidence=1.0)
        return understood.model_copy(update={"intents": (wish, *understood.intents)})
    is_close = others and first.confidence - others[0].confidence < CLOSE
    if understood.wishes or not is_close:
        return understood
    two = [one.name for one in (first, *others[:2]) if one.name in TASKS]
    families = {"exchange_items" if name in REPLACES else name for name in two}
    called = [name for name in families if name in NAMED and NAMED[name].search(text)]
    if len(families) < 2 or len(called) != 1:
        return understood
    name = next(
        n for n in two if n == called[0] or (called[0] == "exchange_items" and n in REPLACES)
    )
    intents = (Intent(name=name, confidence=1.0), *understood.intents)
    return understood.model_copy(update={"intents": intents})


def with_acts_of(understood: Understood, text: str, before: Dialogue) -> Understood:
    """What was understood, without a yes or no where no question is open: "cancel something" is no answer."""
    first, *others = understood.intents
    is_open = before.task is not None or bool(before.options)
    if is_open or first.name not in ("affirm", "deny") or not others:
        return understood
    if others[0].name not in TASKS or verdict(text, "order_status", "") != "neither":
        return understood
    left = 1 - first.confidence
    intents = tuple(
        one.model_copy(update={"confidence": min(1.0, one.confidence / left)}) for one in others
    )
    return understood.model_copy(update={"intents": intents})
