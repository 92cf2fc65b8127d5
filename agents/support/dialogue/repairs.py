"""What a turn can mean beside an answer to the open question: a condition, "all my orders", a question about it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from agents.shop.accounts import PostalAddress
from agents.support.dialogue.describing import QUESTION, place_in
from agents.support.dialogue.facts import return_by
from agents.support.dialogue.forms import (
    INFORMS,
    REPLACES,
    ShopView,
    fill_in_turns,
    is_possible,
    why_unclear,
)
from agents.support.dialogue.goods import PIECE_ZH, named_pieces, names_only_goods
from agents.support.dialogue.informing import READS, options_to_choose
from agents.support.dialogue.meanings import ELLIPTIC, REQUEST
from agents.support.dialogue.products import properties_of
from agents.support.dialogue.questions import fitting, question
from agents.support.dialogue.render import render, without_links
from agents.support.dialogue.turn_context import CLOSE, TASKS, TurnContext
from agents.support.dialogue.wording import called, paid_by
from agents.support.models import Part, Task, TaskName
from agents.support.understanding.addresses import given_fields
from agents.support.understanding.consent import (
    Verdict,
    begins_with_no,
    hesitates,
    refuses,
    verdict,
)
from agents.support.understanding.exclusions import without_refused
from agents.support.understanding.names import kind, names_goods, names_of, option
from agents.support.understanding.options import ABSENT, said_of_options
from agents.support.understanding.roles import clauses, plain, role
from agents.support.understanding.slots import ACCOUNT, slots
from agents.support.understanding.wondering import only_asks

EVERY_ORDER = re.compile(
    r"\b(?:all|every|each)(?: one)?(?: of)?(?: my| the| these| those)?(?: open| pending| other)? orders?\b"
    r"|\b(?:both|(?:my|the) two) orders\b"
    r"|(?:所有|全部|两个|每个)的?(?:订单|单子)|(?:订单|单子)(?:全部|都|全|统统)",
    re.IGNORECASE,
)
ALL_OF_THEM = re.compile(r"^\W*(?:both|all|each)\b|^\W*(?:两个都|都|全部)", re.IGNORECASE)
RETURN_BY = re.compile(
    r"\b(?:until|till|by(?! the way)|how long|when|(?:what|which|last) (?:date|day)|deadline|latest)\b"
    r".{0,40}\b(?:return(?!ed| (?:postage|shipping|costs?|fees?|address|policy|label))"
    r"|(?:send|give) (?:it|this|them|that|these|those) back)\b"
    r"|(?:什么时候|哪[一]?天|几号|多久|最晚|最迟|期限|截止).{0,12}(?:退货|能退|可以退|还能退|退掉|退(?=[吗呢？?]|$))",
    re.IGNORECASE,
)
CONDITION = re.compile(
    r"\b(?:if|unless|provided|as long as|depends|depending)\b|要是|如果|除非|只要|看情况|取决于",
    re.IGNORECASE,
)
TAKES_BACK = re.compile(
    r"\b(?:leave it|keep it|forget (?:it|that|about)|never ?mind|changed my mind|rather not|not any ?more|no longer"
    r"|(?:don't|do not) (?:want|need|do))\b|算了|不想|不要了|不用了|别|改主意|还是不|先不",
    re.IGNORECASE,
)
WANTS = re.compile(r"\b(?:want|wish|like to|please|go ahead)\b|想|帮|请", re.IGNORECASE)
MARKED_QUESTION = re.compile(r"[?？]|[吗呢吧]\W*$")
CLEAR_WISH = 0.5  # the probability of a wish from which on nothing is merely kept
# How many pieces a yes counts -> its words: "yes, both of them".
COUNTED: Mapping[int, re.Pattern[str]] = {
    count: re.compile(
        rf"\b(?:{latin})(?: of (?:them|those|these))?\b|[这那]?[{han}]{PIECE_ZH}?[都全]?",
        re.IGNORECASE,
    )
    for count, latin, han in (
        (2, "both|(?:the|those|these) two", "两俩"),
        (3, "(?:all|the|those|these) three", "三仨"),
    )
}
QUESTION_WORD = re.compile(
    r"\b(?:what'?s?|whats|how|where'?s?|wheres|when|which)\b", re.IGNORECASE
)  # "hang on, what's left on it"
NO_COUNT = re.compile(r"(?!)")
CLEAR = 0.8  # the probability of a no from which on it counts
AT_ONCE: frozenset[str] = frozenset({"cancel_order", *INFORMS})  # need nothing but the order


def every_order(
    name: TaskName, text: str, shop: ShopView, *, asked: bool = False
) -> Sequence[Task]:
    """A task for each of the latest own orders that allows it, if the text means all of them.

    Where it is `asked` which order is meant, "both" is enough.
    """
    means_all = EVERY_ORDER.search(text) or (asked and ALL_OF_THEM.search(text))
    if name not in AT_ONCE or not means_all:
        return ()
    return [
        Task(name=name, order=order)
        for order in shop.latest
        if is_possible(name, shop.orders[order])
    ]


def returnable_until(context: TurnContext) -> tuple[Part, ...]:
    """Until when the order that was named last can be returned, if the turn asks that."""
    named = context.shop.spelled(context.understood.slots.orders) or (context.before.order,)
    order = context.shop.orders.get(named[0]) if len(named) == 1 else None
    if order is None or not RETURN_BY.search(context.turn.text):
        return ()
    return return_by(order, context.turn.text, context.shop)


def asks_last_day(context: TurnContext) -> bool:
    """Whether a turn that reads like a return only asks until when one is possible."""
    text = context.turn.text
    is_question = MARKED_QUESTION.search(text) and not WANTS.search(text)
    return bool(is_question and returnable_until(context))


def is_condition(context: TurnContext) -> bool:
    """Whether the turn says yes to the open question under a condition, or asks for one."""
    task, text = context.before.task, context.turn.text
    if task is None or task.asked != "confirm" or context.understood.slots.orders:
        return False
    return bool(CONDITION.search(text)) and verdict(text, task.name, task.order) == "neither"


def beside(context: TurnContext, task: Task) -> tuple[Part, ...]:
    """What to say to a turn that asks about the open question, or answers it with what fits several."""
    order, text = context.shop.orders.get(task.order), context.turn.text
    if order is None:
        return ()
    known = {one for v in context.shop.goods.values() for one in v.options.items()}
    if task.asked == "new" and QUESTION.search(text):
        piece = next(p for p in order.pieces if p.sku in task.pieces)
        return (options_to_choose(piece, context.shop),)
    if task.asked == "confirm" and QUESTION.search(text):
        return properties_of(text, task.new or task.pieces, context.shop)
    if context.sure and context.intent == "knowledge":
        return ()
    if task.asked == "pieces" and (QUESTION.search(text) or said_of_options(text, known)):
        return (Part(template="several fit"),)
    return ()


def names_something(text: str, shop: ShopView) -> bool:
    """Whether the text names goods of the shop or an order."""
    return bool(slots(text).orders) or names_goods(text, shop.goods.values())


def declines(context: TurnContext) -> bool:
    """Whether a turn that is no plain yes or no refuses or puts off what is to be confirmed, in its words alone."""
    task, text = context.before.task, context.turn.text
    if hesitates(text) or begins_with_no(text):
        return True
    return task is not None and refuses(text, task.name)


def filled_from(context: TurnContext, task: Task) -> Task:
    """The task with what the turn names; as it is where the turn only asks."""
    if asks_beside(context):
        return task
    return fill_in_turns(task, context.understood.slots, context.turn.text, context.shop)


def is_answer(context: TurnContext) -> bool:
    """Whether the turn answers the open question for pieces or for a yes, whatever it reads like: "the other one"."""
    task = context.before.task
    if task is None or task.asked not in ("pieces", "confirm"):
        return False
    return declines(context) or filled_from(context, task).pieces not in (task.pieces, ())


def only_names(context: TurnContext) -> bool:
    """Whether the turn answers the open question with nothing but names: "the black one" is no anger."""
    task = context.before.task
    return task is not None and names_only_goods(context.turn.text, context.shop.goods)


def not_there(context: TurnContext, task: Task) -> Part | None:
    """What to say to a correction of what replaces goods that names what there is not; None for any other."""
    if task.name not in REPLACES:
        return None
    asked = task.model_copy(update={"asked": "new"})
    return why_unclear(asked, context.understood.slots, context.turn.text, context.shop)


def asks_beside(context: TurnContext) -> bool:
    """Whether the turn only asks beside an open question: what it names is then no answer.

    "What is left on my gift card?" chooses no card, "can you make it the red one?" chooses a colour.
    """
    task, text = context.before.task, context.turn.text
    if task is None or task.asked not in ("confirm", "method", "address"):
        return False
    if (
        not (QUESTION.search(text) or QUESTION_WORD.search(text))
        or REQUEST.search(text)
        or ELLIPTIC.search(text)
    ):
        return False
    return context.sure and context.intent in READS | {"knowledge", "out_of_scope"}


def says_no(context: TurnContext, plain: str) -> bool:
    """Whether a turn is a `plain` no, or without a plain yes or no probably one: nothing is changed then.

    "I was only asking" is one, whatever was asked.
    """
    text = context.turn.text
    if plain == "no" or (only_asks(text) and not QUESTION.search(text)):
        return True
    if plain != "neither":
        return False
    first, *others = context.understood.intents
    if declines(context):
        return True
    if first.name == "deny":
        return first.confidence >= CLEAR and TAKES_BACK.search(text) is not None
    if names_only_goods(text, context.shop.goods):
        return False
    return any(one.name == "deny" for one in others) and context.sure and first.name in TASKS


def topics_of(context: TurnContext) -> tuple[str, ...]:
    """The facts of an order that the turn asks for; none if it is taken for another intent than the likeliest."""
    is_best = context.understood.best.name == context.intent
    return context.understood.topics if is_best else ()


def answer_to(task: Task, context: TurnContext) -> Verdict:
    """Whether the turn is a yes or no to the question for one; goods are named there as the question does."""
    goods = [context.shop.goods[s] for s in (*task.pieces, *task.new) if s in context.shop.goods]
    words = {name for variant in goods for name in names_of(variant)}
    values = {value for variant in goods for value in variant.options.values()} - (ABSENT | {"yes"})
    order, text = context.shop.orders.get(task.order), context.turn.text
    if order is not None and task.pieces:
        named = {
            sku
            for _, some in named_pieces(order, text, context.shop.goods).values()
            for sku in some
        }
        if named and not set(task.pieces) <= named:
            words, values = set(), set()  # "yes, the lamp" is no yes to the lamp and the mug
        text = COUNTED.get(len(task.pieces), NO_COUNT).sub(_them, text)
        if any(way.search(text) for way in COUNTED.values()):
            return "neither"  # "yes, both" is none to one piece
    words |= {*map(kind, words), *values, *(option(value, "zh") for value in values)}
    if len(task.pieces) > 1:
        words |= {f"{word}s" for word in words if word.isascii()}
    return verdict(text, task.name, task.order, words)


def _them(count: re.Match[str]) -> str:
    return "them" if count[0].isascii() else "它"


def also_asked(context: TurnContext, task: Task) -> list[Task]:
    """The other question about the same order, if it is as probable: both are answered."""
    first, *others = context.understood.intents
    if first.name != task.name or task.name not in INFORMS or not others or task.topics:
        return []
    is_close = others[0].name in INFORMS and first.confidence - others[0].confidence < CLOSE
    return [task.model_copy(update={"name": others[0].name})] if is_close else []


def order_meant(context: TurnContext) -> str:
    """The own order that the turn, or else the selection, names; "" unless it is one."""
    named = context.shop.spelled(context.understood.slots.orders)
    if not named and context.selection is not None:
        return context.selection.order
    return named[0] if len(named) == 1 and named[0] in context.shop.orders else ""


def named(subject: str, shop: ShopView) -> str:
    """What a rule refuses, as its customer knows it."""
    if subject in shop.customer.methods:
        return paid_by(subject, shop.customer, shop.language)
    return (
        called(shop.goods[subject], shop.goods, shop.language) if subject in shop.goods else subject
    )


def was_asked(context: TurnContext, task: Task) -> bool:
    """Whether the last answer ended with the question for a yes to the task."""
    before = context.before
    if not before.said and before.language is None:
        return True  # the first release stored neither, and its question was the last answer
    spoken = before.language or context.understood.language
    asked = question(
        task.model_copy(update={"asked": "confirm"}), replace(context.shop, language=spoken)
    )
    return before.said.endswith(without_links(render(asked, spoken)))


def with_more(context: TurnContext, task: Task) -> Task:
    """The task with the piece at a place of the list that was shown."""
    began = task.text
    order, place = context.shop.orders.get(task.order), place_in(context.turn.text)
    if task.asked != "pieces" or task.pieces or order is None or place is None:
        return task
    shown = list(dict.fromkeys(p.sku for p in fitting(order, began, context.shop.goods)))
    return task.model_copy(update={"pieces": tuple(shown[place : place + 1 or None])})


def _whose_address(context: TurnContext, task: Task) -> Task:
    """The task, where an address is changed, for the account that the turn names: "no order, my account"."""
    names_account = ACCOUNT.search(without_refused(context.turn.text))
    if (
        task.name != "modify_order_address"
        or not names_account
        or QUESTION.search(context.turn.text)
    ):
        return task
    whole = given_fields(f"{task.text}\n{context.turn.text}").address
    return Task(name="modify_customer_address", address=task.address or whole, text=task.text)


def kept(context: TurnContext) -> tuple[Part, ...]:
    """What to say to a turn that, after an answer, only says that something stays as it is; nothing to others."""
    text = context.turn.text
    reads = {*INFORMS, "order_list", "out_of_scope", "place_order"}
    is_wish = context.intent not in reads and context.understood.best.confidence >= CLEAR_WISH
    if not context.before.said or context.before.task is not None or is_wish:
        return ()
    if MARKED_QUESTION.search(text) or context.understood.wishes:
        return ()
    found = {clause.role for clause in clauses(text)}
    keeps = role(plain(text)) == "keeps" or ("keeps" in found and "asks" not in found)
    return (Part(template="what else"),) if keeps else ()


def with_address(context: TurnContext, task: Task) -> Task | None:
    """The task, if the turn gives fields of its address: with the whole of it once none is missing."""
    text = context.turn.text
    if (other := _whose_address(context, task)) != task:
        return other
    corrects = task.asked == "confirm" and task.address is not None
    if task.asked != "address" and not corrects:
        return None
    here = given_fields(text).values
    whole = given_fields(task.text).address
    is_some = here.keys() - {"country"} or (task.asked == "address" and whole is not None)
    if not is_some or verdict(text, task.name, task.order) == "yes":
        return None
    if corrects and task.address is not None:
        fields = task.address.model_dump() | here
        return task.model_copy(update={"address": PostalAddress.model_validate(fields)})
    return task.model_copy(update={"address": given_fields(task.text).address})
