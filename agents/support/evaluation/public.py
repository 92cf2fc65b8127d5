"""How well intents are recognised in what others wrote: public files, read when they are measured.

By default Bitext's customer-service utterances (https://github.com/bitext, CDLA-Sharing-1.0) and CLINC150
(Larson et al., An Evaluation Dataset for Intent Classification and Out-of-Scope Prediction, 2019,
https://github.com/clinc/oos-eval, CC BY 3.0). Their intents are mapped to ours by their names. No example was
written from an utterance, and nothing is fitted to one. But the files were no secret: their intents showed
which subjects examples lacked, and topics and ALIKE of `classify.py` were chosen with their figures in sight, so
customers of yours may be understood less. CLINC's `maybe` is no intent: see `consents.py`.
"""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.runtime.errors import AgentError
from agents.runtime.settings import ROOT
from agents.support.evaluation.intents import by_keywords, by_nearest
from agents.support.evaluation.measures import interval
from agents.support.models import IntentName
from agents.support.understanding.classify import understand
from agents.support.understanding.embedding import is_available
from agents.support.understanding.examples import OUT

FOLDER = ROOT.parent / "shared" / "data"
FILES = ("utterances_bitext.csv", "utterances_clinc.csv")
MOST_CONFUSIONS = 5
MAPPED: Mapping[str, tuple[IntentName, ...]] = {
    # Bitext
    "cancel_order": ("cancel_order",),
    "change_order": ("modify_items",),
    "change_shipping_address": ("modify_order_address", "modify_customer_address"),
    "check_cancellation_fee": ("knowledge",),
    "check_invoice": ("invoice",),
    "check_payment_methods": ("knowledge",),
    "check_refund_policy": ("knowledge",),
    "complaint": ("complaint",),
    "contact_customer_service": ("human", "knowledge"),
    "contact_human_agent": ("human",),
    "create_account": ("account",),
    "delete_account": ("account",),
    "delivery_options": ("knowledge",),
    "delivery_period": ("knowledge", "order_status"),
    "edit_account": ("account",),
    "get_invoice": ("invoice",),
    "get_refund": ("return_items", "refund_status"),
    "newsletter_subscription": ("account",),
    "payment_issue": ("payment_problem",),
    "place_order": ("place_order",),
    "recover_password": ("account",),
    "registration_problems": ("account",),
    "review": ("complaint",),
    "set_up_shipping_address": ("modify_customer_address", "modify_order_address"),
    "switch_account": ("account",),
    "track_order": ("order_status",),
    "track_refund": ("refund_status",),
    # CLINC150
    "are_you_a_bot": ("bot",),
    "cancel": ("deny", "cancel_order"),
    "goodbye": ("goodbye",),
    "greeting": ("greeting",),
    "no": ("deny",),
    "order_status": ("order_status",),
    "out_of_scope": ("out_of_scope",),
    "repeat": ("repeat",),
    "thank_you": ("thanks",),
    "yes": ("affirm",),
}
"""An intent of a file -> ours, the other ones in it are right as well."""


class NoUtterances(AgentError):
    """The file of utterances cannot be read."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}; give a CSV file with the columns utterance and intent"


@dataclass(frozen=True, slots=True)
class Said:
    """An utterance of a file and its intent there."""

    text: str
    intent: str


def files(path: str) -> list[Path]:
    """The file that is given, or else the usual ones as far as they are there."""
    return [Path(path)] if path else [found for name in FILES if (found := FOLDER / name).is_file()]


def read(path: Path) -> list[Said]:
    """Each utterance of the file with its intent. Raises NoUtterances."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return [Said(row["utterance"], row["intent"]) for row in csv.DictReader(lines)]
    except (OSError, KeyError, ValueError) as error:
        raise NoUtterances(str(path), f"{type(error).__name__} {error}") from error


def measured_public(path: str) -> tuple[dict[str, float], list[str]]:
    """Figures of each file beside two simple ways, and its most frequent confusions as sentences.

    Of a file "utterances_x.csv" `x_accuracy` is the share of mapped utterances that is right, and
    `x_false_alarms` the share that is taken for out of scope; `x_out_of_scope_recall` is over those that
    are. Raises NoUtterances.
    """
    figures, confusions = dict[str, float](), list[str]()
    for file in files(path):
        name = file.stem.removeprefix("utterances_")
        mapped = [one for one in read(file) if one.intent in MAPPED]
        if not mapped:
            continue
        texts = [one.text for one in mapped]
        names = [understand(text).best.name for text in texts]
        ways: dict[str, Sequence[str]] = {
            "": names,
            "_keywords": [by_keywords(text) for text in texts],
        }
        if is_available():
            ways["_nearest"] = by_nearest(texts)
        for way, found in ways.items():
            figures |= _figures(name, way, mapped, found)
        confusions += _confusions(name, mapped, names)
    return figures, confusions


def _figures(
    name: str, way: str, mapped: Sequence[Said], found: Sequence[str]
) -> Mapping[str, float]:
    both = list(zip(mapped, found, strict=True))
    right = [n in MAPPED[one.intent] for one, n in both if one.intent != OUT]
    out = [n == OUT for one, n in both if one.intent == OUT]
    alarms = [n == OUT for one, n in both if one.intent != OUT]
    figures = {f"{name}_accuracy{way}": _share(right), f"{name}_false_alarms{way}": _share(alarms)}
    if out:
        figures[f"{name}_out_of_scope_recall{way}"] = _share(out)
    if not way and right:
        low, high = interval(lambda draw: _share([right[n] for n in draw]), len(right))
        figures |= {f"{name}_accuracy_low": low, f"{name}_accuracy_high": high}
    return figures


def _confusions(name: str, mapped: Sequence[Said], found: Sequence[str]) -> list[str]:
    wrong = Counter(
        (one.intent, n) for one, n in zip(mapped, found, strict=True) if n not in MAPPED[one.intent]
    )
    return [
        f"{name}: {intent} was taken for {n} {count} times"
        for (intent, n), count in wrong.most_common(MOST_CONFUSIONS)
    ]


def _share(found: Sequence[bool]) -> float:
    return sum(found) / (len(found) or 1)
