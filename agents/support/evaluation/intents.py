"""How well intents are recognised, beside two simple ways: keywords, and the nearest example."""

import re
from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np

from agents.support.evaluation.gold import intents
from agents.support.evaluation.measures import calibration_error, interval, macro_f1
from agents.support.evaluation.tau2 import Task
from agents.support.models import Intent, IntentName, Language
from agents.support.understanding.classify import intent_of, model
from agents.support.understanding.embedding import is_available, vectors
from agents.support.understanding.examples import training
from agents.support.understanding.slots import to_classify
from agents.support.understanding.vectors import known_vectors
from agents.support.understanding.wishes import PARTS, is_wish

KEYWORDS: Mapping[IntentName, str] = {
    "human": r"human|person|agent|manager|staff|人工|真人|经理|主管",
    "refund_status": r"refund|money back|退款|退钱",
    "cancel_order": r"cancel|取消|撤",
    "return_items": r"return|send back|退货|退",
    "exchange_items": r"exchange|swap|换",
    "modify_customer_address": r"(?:account|profile|default).*address|moved|账户|默认|搬家",
    "modify_order_address": r"address|地址",
    "modify_payment": r"payment|pay|card|paypal|付款|支付",
    "modify_items": r"change|modify|改",
    "order_status": r"where|track|status|deliver|order|订单|物流|快递|包裹",
    "repeat": r"again|repeat|再说|重复",
    "greeting": r"\b(?:hi|hello|hey)\b|你好|您好",
    "thanks": r"thank|谢",
    "affirm": r"\b(?:yes|ok|sure|correct)\b|是的|好的|确认|对",
    "deny": r"\b(?:no|not|don't|never)\b|不|别|算了",
    "knowledge": r"\b(?:how|what|do you|policy)\b|怎么|多久|可以|吗",
}
WISHES = {
    "cancel_pending_order": "cancel_order",
    "return_delivered_order_items": "return_items",
    "exchange_delivered_order_items": "exchange_items",
    "modify_pending_order_items": "modify_items",
    "modify_pending_order_payment": "modify_payment",
    "modify_pending_order_address": "modify_order_address",
    "modify_user_address": "modify_customer_address",
}
CHANGES = frozenset(WISHES.values())


def measured_intents() -> tuple[dict[str, float], list[str], list[str]]:
    """Figures over the gold set, and for every utterance its intent and the predicted intent."""
    ranked = [model().ranked(to_classify(text))[0][0] for text, _, _ in intents()]
    right = [name for _, name, _ in intents()]
    names = [name for name, _ in ranked]
    figures: dict[str, float] = {}
    ways: dict[str, list[str]] = {
        "": list(names),
        "_keywords": [by_keywords(t) for t, _, _ in intents()],
    }
    if is_available():
        ways["_nearest"] = by_nearest([text for text, _, _ in intents()])
    for language in get_args(Language):
        chosen = [n for n, (_, _, spoken) in enumerate(intents()) if spoken == language]
        for way, answers in ways.items():
            figures[f"macro_f1_{language}{way}"] = macro_f1(
                [right[n] for n in chosen], [answers[n] for n in chosen]
            )
        low, high = interval(
            lambda draw, chosen=chosen: macro_f1(  # type: ignore[misc]  # the default binds it
                [right[chosen[n]] for n in draw], [names[chosen[n]] for n in draw]
            ),
            len(chosen),
        )
        figures |= {f"macro_f1_{language}_low": low, f"macro_f1_{language}_high": high}
    out = [n for n, name in enumerate(right) if name == "out_of_scope"]
    figures["out_of_scope_recall"] = float(np.mean([names[n] == "out_of_scope" for n in out]))
    correct = [a == b for a, b in zip(names, right, strict=True)]
    figures["calibration_error"] = calibration_error([p for _, p in ranked], correct)
    return figures, list(right), list(names)


def by_keywords(text: str) -> IntentName:
    """The first intent with a keyword in the text."""
    low = text.lower()
    return next((n for n, words in KEYWORDS.items() if re.search(words, low)), "out_of_scope")


def by_nearest(texts: Sequence[str]) -> list[str]:
    """For each text the intent of the example with the nearest meaning."""
    examples, topics = zip(*training(), strict=True)
    names = [intent_of(topic) for topic in topics]
    near = vectors([to_classify(text) for text in texts]) @ known_vectors(examples).T
    return [names[n] for n in near.argmax(axis=1)]


def probed_reasons(tasks: Sequence[Task]) -> dict[str, float]:
    """Micro-F1 over the benchmark's reasons for contact, each of several wishes.

    The reasons are instructions to a simulated user, not utterances, and nothing was tuned on them.
    """
    known = [(task, {WISHES[a.name] for a in task.actions if a.name in WISHES}) for task in tasks]
    asked = [(task, wishes) for task, wishes in known if wishes]
    wanted = [wishes for _, wishes in asked]
    ways: dict[str, list[set[str]]] = {"": [wishes_of(task.reason) for task, _ in asked]}
    ways["_keywords"] = [_keyword_wishes(task.reason) for task, _ in asked]
    if is_available():
        ways["_nearest"] = [_nearest_wishes(task.reason) for task, _ in asked]
    figures = {}
    for way, predicted in ways.items():
        figures[f"reasons_f1{way}"] = micro_f1(wanted, predicted)
    low_, high = interval(
        lambda draw: micro_f1([wanted[n] for n in draw], [ways[""][n] for n in draw]), len(asked)
    )
    return figures | {"reasons_f1_low": low_, "reasons_f1_high": high}


def wishes_of(text: str) -> set[str]:
    """The wishes in a text: each part is classified like a message of a dialogue."""
    sure = set[str]()
    for part in (part for part in PARTS.split(text) if part.strip()):
        name, confidence = model().ranked(to_classify(part))[0][0]
        if name in CHANGES and is_wish(Intent(name=name, confidence=confidence), part):
            sure.add(name)
    if sure:
        return sure
    ranked, _ = model().ranked(to_classify(text))
    return {next(name for name, _ in ranked if name in CHANGES)}


def _keyword_wishes(text: str) -> set[str]:
    low = text.lower()
    return {n for n, words in KEYWORDS.items() if n in CHANGES and re.search(words, low)}


def _nearest_wishes(text: str) -> set[str]:
    examples, topics = zip(*training(), strict=True)
    names = [intent_of(topic) for topic in topics]
    near = (known_vectors(examples) @ vectors([to_classify(text)]).T)[:, 0]
    return {next(names[n] for n in np.argsort(-near) if names[n] in CHANGES)}


def micro_f1(wanted: Sequence[set[str]], predicted: Sequence[set[str]]) -> float:
    """The harmonic mean of precision and recall over all wishes together."""
    both = sum(len(a & b) for a, b in zip(wanted, predicted, strict=True))
    return 2 * both / (sum(map(len, wanted)) + sum(map(len, predicted)) or 1)
