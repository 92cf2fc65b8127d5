"""What a language model's commands do to sentences whose intent is known: mended, asked about, or spoilt.

The caller gives the commands. A fake that knows the right intent is no language model: it shows
what the rules make of good and of bad commands, and not how good a model is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.shop.accounts import CustomerAccount
from agents.support.dialogue.disposing import UNSURE, dispose
from agents.support.dialogue.forms import KINDS, ShopView
from agents.support.models import Command, Dialogue, IntentName, Understood
from agents.support.understanding.classify import understand
from agents.support.understanding.examples import OUT

NOBODY = ShopView(CustomerAccount(customer="nobody"), {}, {})


@dataclass(frozen=True, slots=True)
class Answered:
    """A sentence, its right intent, and the command that came for it; None if none came."""

    text: str
    intent: IntentName
    command: Command | None


def measured_proposals(name: str, said: Sequence[Answered]) -> dict[str, float]:
    """Shares of the sentences, by the name of who answers.

    `right` is understood rightly, or asked with the right intent among what is offered; `asked` is asked
    about; `changes` is taken without a question for a change that the rules alone do not take it for.
    """
    right = asked = changes = alone = 0
    for one in said:
        understood = understand(one.text)
        before = _intent(understood)
        disposed = dispose(one.command, one.text, understood, Dialogue(), NOBODY)
        after, doubt = _intent(disposed.understood), disposed.doubt
        alone += before == one.intent
        right += one.intent in doubt if doubt else after == one.intent
        asked += bool(doubt)
        changes += not doubt and after in KINDS and after != before
    figures = {"alone": alone, "right": right, "asked": asked, "changes": changes}
    return {f"{name}_{figure}": count / (len(said) or 1) for figure, count in figures.items()}


def _intent(understood: Understood) -> IntentName:
    best = understood.best
    return best.name if best.confidence >= UNSURE else OUT
