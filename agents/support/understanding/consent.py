"""Whether a message is a plain yes or a plain no to a question. Rules, no model.

A yes is a closed grammar: the whole message consists of consents and courtesies. A classifier can take a
doubt for a yes, a grammar can only miss a yes; then the question is asked again and nothing is changed.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Literal

from agents.support.models import TaskName

Verdict = Literal["yes", "no", "neither"]

CONSENTS = (
    "yes", "yes i do", "yes you can", "yes you may", "yes i am", "yes it is", "yeah", "yep", "yup", "yea", "ya",
    "y", "ye", "yess", "ok", "okay", "okey", "okie", "k", "kk", "sure", "👍", "👌", "✅", "🆗", "yes do it",
    "yes do that", "yes go ahead", "yes that is right", "yes that's right", "please go ahead", "perfect",
    "works for me", "fine by me", "fine with me", "i am ok with that", "i'm ok with that",
    "i am fine with that", "i'm fine with that", "that is ok", "that's ok", "that is okay", "that's okay",
    "let's do it", "let us do it", "make it so", "i agree to that", "i accept", "accepted", "approved",
    "i approve", "yes i agree", "yes i confirm", "yes i want that", "yes i want to", "sounds great",
    "sounds fine", "do it please", "continue", "please continue", "please proceed", "you may", "sure thing",
    "certainly", "definitely", "absolutely", "of course", "by all means", "correct", "right", "exactly", "fine",
    "that is fine", "that's fine", "agreed", "i agree", "affirmative", "indeed", "for sure", "surely",
    "totally", "you bet", "you got it", "yes sir", "that works", "that would be fine", "that would be right",
    "that would be correct", "you are right", "you're right", "you are correct", "you're correct", "it is",
    "confirm", "confirmed", "i confirm", "i confirm it", "i confirm that", "i do", "i am sure", "i'm sure",
    "go ahead", "go for it", "do it", "do so", "do that", "do this", "please do", "proceed", "that is right",
    "that's right", "that is correct", "that's correct", "this is correct", "that is true", "that's true",
    "true", "sounds good", "sounds right", "all right", "alright", "no problem", "not a problem", "是", "是的",
    "是啊", "是呀", "对", "对的", "对啊", "对呀", "没错", "正确", "好", "好的", "好啊", "好呀", "好吧", "好嘞",
    "好滴", "好哒", "好呢", "好咧", "好哦", "好喔", "嗯好", "行呀", "行嘞", "是滴", "对滴", "对头", "可以呀",
    "可以哦", "可以吧", "没错的", "确认的", "确定的", "我同意的", "同意的", "当然可以", "当然了", "当然好",
    "没问题的", "就这么定了", "就这么办吧", "就按这个办", "就按这个来", "按这个办", "办", "办理", "麻烦办理",
    "帮我办理", "帮我办", "那就办吧", "那就这样", "那就这么办", "那好", "那行", "那可以", "要办理", "要办",
    "是要的", "需要", "嗯呢", "嗯哼", "没毛病", "妥", "妥了", "ok的", "ok啦", "继续", "行", "行的", "行啊",
    "行吧", "可以", "可以的", "可以啊", "确认", "确定", "我确认", "我确定", "同意", "我同意", "嗯", "要",
    "要的", "当然", "没问题", "没有问题", "就这样", "就这么办", "就这样吧", "办吧", "办理吧", "请办理",
    "请处理", "处理吧", "请继续", "继续吧",
)  # fmt: skip
COURTESIES = (
    "please", "pls", "plz", "thx", "ty", "cheers", "🙏", "😊", "🙂", "thank you so much", "many thanks", "then",
    "thanks", "thank you", "thank you very much", "thanks a lot", "now", "right now", "请", "谢啦", "谢了",
    "感谢", "辛苦了", "辛苦", "拜托了", "拜托", "哈", "哦", "啦", "谢谢", "谢谢啦", "谢谢你", "谢谢您", "多谢",
    "麻烦你了", "麻烦您了", "麻烦了", "吧",
)  # fmt: skip
SAYING_IT_AGAIN: Mapping[TaskName, tuple[str, ...]] = {
    "cancel_order": ("cancel", "cancel it", "cancel the order", "cancel my order", "cancel order",
                     "取消", "取消它", "取消订单", "取消这个订单"),
    "return_items": ("return it", "return them", "退", "退货"),
    "exchange_items": ("exchange it", "exchange them", "换", "换货"),
    "modify_items": ("change it", "change them", "改", "修改"),
    "modify_payment": ("change it", "改", "修改", "更改"),
    "modify_order_address": ("change it", "改", "修改", "更改"),
    "modify_customer_address": ("change it", "改", "修改", "更改"),
}  # fmt: skip
"""What the question asks for, in words that may follow a consent to it."""
REFUSALS = (
    "no", "nope", "nah", "no way", "n", "don't", "do not", "dont", "don't do it", "don't do that", "do not do it",
    "do not do that", "never mind", "nevermind", "stop", "stop it", "forget it", "forget about it", "leave it",
    "leave it as it is", "leave everything", "rather not", "i would rather not", "i'd rather not", "better not",
    "i changed my mind", "i've changed my mind", "i have changed my mind", "keep it", "i want to keep it",
    "i'd like to keep it", "i would like to keep it", "not now", "i don't want to", "i do not want to",
    "i don't want that", "i do not want that", "i don't", "i do not",
    "不", "不是", "不对", "不要", "不用", "不行", "不可以", "不同意", "不确认", "不需要", "别", "算", "还是别",
    "还是不要", "还是不用", "还是算", "先不要", "先不", "先别", "我改主意", "我不想", "我不要", "不想", "不办", "别办",
    "别动", "先别动", "别弄", "不了",
)  # fmt: skip
NAMING = {"it is", "是"}  # "it is A100" names the order, and is no yes to the question about it
PARTICLES = ("了", "吧", "的", "啊", "呀")
APART = re.compile(r"[\s,，、.。!！~～]+")
CONSENT, COURTESY = frozenset(CONSENTS), frozenset(COURTESIES)
REFUSAL = frozenset(
    (*REFUSALS, *(word + end for word in REFUSALS if not word.isascii() for end in PARTICLES))
)
CLAUSES = re.compile(r"[,，、.。!！;；~～\n]+")
LOOKS = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")  # the colour and the form of an emoji
UNSURE = re.compile(r"[?？…]|\.\.|。。")


def verdict(text: str, task: TaskName, order: str) -> Verdict:
    """Whether the text is a plain yes or a plain no to the question of a task about that order.

    A no begins with a refusal, and no part of it begins with a consent. Every other text is neither, and
    so is a question or an unfinished sentence.
    """
    plain = _plain(text)
    if UNSURE.search(plain):
        return "neither"
    asked = frozenset((*SAYING_IT_AGAIN.get(task, ()), *([order.lower()] if order else [])))
    used, rest = _taken(plain, CONSENT | COURTESY | asked)
    consents = used & CONSENT
    if not rest and (consents - NAMING if order and order.lower() in used else consents):
        return "yes"
    clauses = [clause.strip() for clause in CLAUSES.split(plain) if clause.strip()]
    read = [_taken(clause, REFUSAL | COURTESY | asked) for clause in clauses]
    first = next((one for one in read if not one[0] <= COURTESY or one[1]), (set[str](), ""))
    agreed = any(_taken(clause, CONSENT)[0] for clause in clauses)
    return "no" if first[0] & REFUSAL and not first[1] and not agreed else "neither"


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).lower().replace("’", "'").replace("`", "'")
    return LOOKS.sub("", folded).strip()


def _taken(text: str, phrases: frozenset[str]) -> tuple[set[str], str]:
    """The phrases with which the text begins, one after the other, the longest first; and the rest."""
    pattern, found, place = _pattern(phrases), set[str](), 0
    while place < len(text):
        if (gap := APART.match(text, place)) is not None:
            place = gap.end()
        elif (phrase := pattern.match(text, place)) is not None:
            found.add(" ".join(phrase[0].split()))
            place = phrase.end()
        else:
            break
    return found, text[place:]


@cache
def _pattern(phrases: frozenset[str]) -> re.Pattern[str]:
    """One of the phrases, the longest first; one of letters ends where its word ends."""
    return re.compile("|".join(_one(phrase) for phrase in _longest_first(phrases)))


def _longest_first(phrases: Iterable[str]) -> list[str]:
    return sorted(phrases, key=lambda phrase: (-len(phrase), phrase))


def _one(phrase: str) -> str:
    words = r"\s+".join(re.escape(word) for word in phrase.split())
    return rf"{words}(?![a-z0-9'_-])" if phrase.isascii() else words
