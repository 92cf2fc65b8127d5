"""What a turn means beyond its words: from the state of its order, from what was shown last, from what it refuses."""

import re
from collections.abc import Mapping, Sequence

from agents.shop.contracts import OrderView
from agents.support.dialogue.describing import (
    BY_GOODS,
    ONE_ORDER,
    QUESTION,
    described,
    is_of_state,
)
from agents.support.dialogue.facts import return_by
from agents.support.dialogue.forms import (
    INFORMS,
    KINDS,
    REPLACES,
    ShopView,
    fill,
    is_possible,
    refusal,
)
from agents.support.dialogue.goods import named_pieces, names_only_goods
from agents.support.dialogue.products import PRICE, about, asks_for_cheaper, names_variant, of_order
from agents.support.dialogue.render import status_part
from agents.support.dialogue.replacing import BROKEN, NEW
from agents.support.dialogue.selecting import ADDS
from agents.support.dialogue.turn_context import NAMED, TASKS, TurnContext
from agents.support.models import Dialogue, Intent, IntentName, Part, Task, TaskName, Understood
from agents.support.understanding.consent import begins_with_no
from agents.support.understanding.exclusions import is_correction, left_out, without_refused
from agents.support.understanding.names import names_goods
from agents.support.understanding.options import said_of_options
from agents.support.understanding.roles import clauses, plain, role
from agents.support.understanding.slots import ACCOUNT, slots
from agents.support.understanding.wishes import ASKS, has_only_names
from agents.support.understanding.wondering import only_asks

# "Everything but the lamp" says what is meant, and not what is to be done with it.
EXCEPT = re.compile(
    r"\b(?:everything|all(?: of (?:it|them|this|these))?|the lot|(?:the )?(?:whole|entire) (?:order|thing))\b.{0,40}"
    r"\b(?:but|except|excluding|apart from|other than|bar|minus|without)\b"
    r"|\bkeep(?:ing)?\b.{1,40}\b(?:rest|everything else|all the others?)\b"
    r"|除了?.{1,30}(?:[都全]|其[他它余]|剩下)|除.{1,20}(?:以|之)外|留.{1,12}(?:其[他它余]|别的|剩下)",
    re.IGNORECASE,
)
REPLACED = re.compile(
    r"\b(?:exchang|swap|replac|chang|ship|address|pay)\w*|换|改|寄|付|地址", re.IGNORECASE
)
HOW_PAID = re.compile(
    r"\bhow (?:did i|have i|was (?:it|that|this)|were they)\b.{0,12}\b(?:pay|paid)\b"
    r"|\bwhat did i pay (?:with|by)\b|\bwhich card did i\b"
    r"|(?:怎么|用什么|拿什么|哪张卡|什么方式)(?:方式)?(?:付|支付|结)的|付款方式是什么|用的(?:什么|哪种)(?:付款|支付)",
    re.IGNORECASE,
)
# A question without its verb: "and the kettle?", "水壶呢".
ELLIPTIC = re.compile(
    r"^\W*(?:ok(?:ay)?|so|oh)?\W*(?:and|what about|how about)\b[^?.!]{1,40}\?*\s*$|^.{1,14}呢\W*$",
    re.IGNORECASE,
)
OF_THE_ORDER = re.compile(
    r"\b(?:my|mine|i (?:paid|bought|ordered|got)|did i|in (?:it|there|that)|was|were)\b"
    r"|我|里[头面边]?|[那这]一?[单笔]|当时|来着",
    re.IGNORECASE,
)
NOW = re.compile(
    r"\b(?:now|currently|today|these days|nowadays)\b|现在|目前|如今|重新买", re.IGNORECASE
)
# A whole order: 退单 is said of what is not shipped yet as well.
WHOLE = re.compile(
    r"\breturn (?:my |the |this |that )?(?:whole |entire )?order\b|退[单订]|退掉?(?:这|那|整)?[个笔单]?订单"
    r"|(?:订单|单子)[^，。]{0,4}退",
    re.IGNORECASE,
)
# "Can I have the red one instead?" is a wish.
REQUEST = re.compile(
    r"\b(?:can|could|may|might) (?:i|we|you) (?:please |just )?(?:have|get|swap|make|give|change)\b"
    r"|\b(?:can|could) (?:it|they|that|this|those|these)(?: one| pair)? (?:be|come|become|have)\b"
    r"|\binste?a?d\b"
    r"|\b(?:i'?d|i would|we'?d) (?:like|prefer|rather have)\b|换|改",
    re.IGNORECASE,
)
# What an address is changed with, and what a question ends with that only wants to be sure.
TO_ANOTHER = re.compile(
    r"\b(?:chang|updat|correct|edit|replac|redirect|put|set|enter|save|ship|send|deliver|instead)\w*\b"
    r"|改|换|更新|填|修|寄到(?!新|这|那)|送到(?!新|这|那)",
    re.IGNORECASE,
)
TAG = re.compile(
    r"\b(?:right|correct|yes|no|isn't it|won't it|don't they|won't they|then)\W*\?\W*$"
    r"|(?:对吗|是吗|对吧|是吧|没错吧|对不对|是不是)\W*$",
    re.IGNORECASE,
)
NO_PERSON = re.compile(
    r"\b(?:(?:don'?t|do not|rather not) (?:\w+ly )?(?:want|need|give|send|call|hand|pass|transfer|connect|put)"
    r"|no need (?:for|to)|without)(?: [\w']+){0,5}?"
    r" (?:humans?|persons?|people|agents?|staff|colleagues?|somebody|anyone)\b"
    r"|(?:不要|不用|不需要|不想|别|不必)(?:再|给我|帮我|把我|找)*(?:转|接|叫|人工|真人|客服)",
    re.IGNORECASE,
)
THANKS = re.compile(r"\b(?:thanks|thank you|thx|ty|cheers)\b|谢", re.IGNORECASE)
WANTS_TO_KNOW = re.compile(
    r"\b(?:where|when|how|what|status|track\w*)\b|物流|查|进度", re.IGNORECASE
)
CLEAR_WISH = 0.85  # the probability of another wish from which on a turn with a value is no answer
INSTEAD: Mapping[TaskName, TaskName] = {
    "return_items": "cancel_order",
    "cancel_order": "return_items",
}
INSTEAD_OF: Mapping[TaskName, str] = {
    "return_items": "can be cancelled",
    "cancel_order": "can be returned",
}


def in_context(understood: Understood, text: str, before: Dialogue, shop: ShopView) -> Understood:
    """What was understood, where the order or the choice of goods says more than the words."""
    if understood.wishes or understood.angry:
        return understood
    understood = _as_question(_without_person(understood, text), text)
    understood = _as_thanks(understood, text, shop)
    understood = _as_wish(understood, text, before, shop)
    best = understood.best
    named = shop.spelled(understood.slots.orders or slots(left_out(text)).orders)
    is_own = len(named) == 1 and named[0] in shop.orders
    wanted: IntentName = best.name
    if (of_another := _of_another(understood, text, before, shop)) is not None:
        return of_another
    if (of_price := _price_of(understood, text, before, shop)) != understood:
        return of_price
    if wanted == "modify_customer_address" and is_own and not ACCOUNT.search(text):
        wanted = "modify_order_address"
    if wanted == "order_list" and is_own:
        wanted = "order_contents"
    if wanted not in TASKS and HOW_PAID.search(text) and (is_own or before.order):
        wanted = "order_contents"
    is_task = before.task is None or before.task.asked not in ("pieces", "new")
    if is_task and EXCEPT.search(text) and left_out(text) and not REPLACED.search(text):
        wanted = wanted if wanted in INSTEAD else "return_items"
        return understood.model_copy(update={"intents": (Intent(name=wanted, confidence=1.0),)})
    if wanted == best.name:
        return understood
    if is_own and wanted == "order_contents":
        of_order = understood.slots.model_copy(update={"orders": named})
        understood = understood.model_copy(update={"slots": of_order})
    intents = (Intent(name=wanted, confidence=1.0), *understood.intents)
    return understood.model_copy(update={"intents": intents})


def _as_question(understood: Understood, text: str) -> Understood:
    """Who asks what an address is used for changes none: "so what I buy goes there from now on, right?"."""
    best = understood.best
    is_one = best.name in ("modify_customer_address", "modify_order_address")
    gives_or_wants = understood.slots.address is not None or TO_ANOTHER.search(text)
    if not is_one or gives_or_wants or not TAG.search(text):
        return understood
    asks = Intent(name="knowledge", confidence=best.confidence)
    return understood.model_copy(update={"intents": (asks, *understood.intents)})


def _as_wish(understood: Understood, text: str, before: Dialogue, shop: ShopView) -> Understood:
    """A statement about own goods and options is no question about goods: "wrong lamp, in black please"."""
    asks = (QUESTION.search(text) or ASKS.search(text)) and not REQUEST.search(text)
    if understood.best.name != "product" or before.task is not None or asks:
        return understood
    order = described(text, "exchange_items", before, shop).order or before.order
    pieces = shop.orders[order].pieces if order in shop.orders else ()
    products = {piece.product for piece in pieces}
    known = {o for v in shop.goods.values() if v.product in products for o in v.options.items()}
    if not said_of_options(text, known) or not named_pieces(shop.orders[order], text, shop.goods):
        return understood
    named = understood.slots.model_copy(update={"orders": (order,)})
    wish = Intent(name="exchange_items", confidence=1.0)
    return understood.model_copy(update={"intents": (wish,), "slots": named})


def _as_thanks(understood: Understood, text: str, shop: ShopView) -> Understood:
    """Thanks that name neither goods nor an order are no wish: "one thing less on my list, thank you!"."""
    best = understood.best
    names = understood.slots.orders or names_goods(text, shop.goods.values())
    if best.name not in KINDS or best.confidence >= CLEAR_WISH or names or QUESTION.search(text):
        return understood
    if not THANKS.search(text) or any(words.search(text) for words in NAMED.values()):
        return understood
    return understood.model_copy(update={"intents": (Intent(name="thanks", confidence=1.0),)})


def _without_person(understood: Understood, text: str) -> Understood:
    """What else was understood, where the text only says that no person is wanted."""
    first, *others = understood.intents
    if first.name != "human" or not others or not NO_PERSON.search(text):
        return understood
    left = max(1 - first.confidence, others[0].confidence)
    best = others[0].model_copy(update={"confidence": others[0].confidence / left})
    return understood.model_copy(update={"intents": (best, *others[1:])})


def wants_person(context: TurnContext) -> bool:
    """Whether the turn asks for a person; "please don't give me to a human" does not."""
    wishes, shop = context.understood.wishes, context.shop
    if any(wish.name == "human" and _means_person(wish.text, shop) for wish in wishes):
        return True
    is_human = context.intent == "human" and context.sure and not chooses(context)
    return is_human and _means_person(context.turn.text, shop)


def _means_person(text: str, shop: ShopView) -> bool:
    """Whether the text means a person, and no goods: "one with Google Assistant"."""
    values = {v.lower() for one in shop.goods.values() for v in one.options.values() if " " in v}
    return not NO_PERSON.search(text) and not any(value in text.lower() for value in values)


def damaged_order(context: TurnContext) -> str:
    """The own order whose goods came broken, if the turn tells that and does not say what shall be done; "" if not."""
    text, shop = context.turn.text, context.shop
    if not BROKEN.search(text) or QUESTION.search(text):
        return ""
    name = described(text, "return_items", context.before, shop).order or context.before.order
    order = shop.orders.get(name)
    if order is None or not is_possible("return_items", order):
        return ""
    found = clauses(text)
    said = {clause.role for clause in found} if len(found) > 1 else {role(plain(text))}
    is_told = "asks" not in said and named_pieces(order, text, shop.goods)
    return name if is_told else ""


def _of_another(
    understood: Understood, text: str, before: Dialogue, shop: ShopView
) -> Understood | None:
    """The question of before about other own goods: "and the kettle?"; None for any other turn."""
    reads = INFORMS | {"order_list", "product", "out_of_scope", "knowledge"}
    if not before.topics or understood.best.name not in reads or not ELLIPTIC.search(text):
        return None
    with_goods = [n for n in shop.latest if named_pieces(shop.orders[n], text, shop.goods)]
    with_goods = [n for n in with_goods if n in understood.slots.orders] or with_goods
    with_goods = [n for n in with_goods if n == before.order] or with_goods
    if len(with_goods) != 1:
        return None
    name: IntentName = before.topics[0].partition("/")[0]  # type: ignore[assignment]
    intents = (Intent(name=name, confidence=1.0),)
    slots = understood.slots.model_copy(update={"orders": tuple(with_goods)})
    found = {"intents": intents, "topics": before.topics, "slots": slots}
    return understood.model_copy(update=found)


def _price_of(understood: Understood, text: str, before: Dialogue, shop: ShopView) -> Understood:
    """A question for a price: of own goods in the order named last, or of goods of the shop."""
    best, order = understood.best.name, shop.orders.get(before.order)
    named = order is not None and bool(named_pieces(order, text, shop.goods))
    wanted: IntentName = best
    topics: tuple[str, ...] = ()
    is_past = OF_THE_ORDER.search(text) and not NOW.search(text)
    if best == "product" and named and PRICE.search(text) and is_past:
        wanted, topics = "order_contents", ("order_contents/price",)
    elif understood.topics == ("order_contents/price",) and names_variant(text, before.said, shop):
        wanted = "product"
    if best == "out_of_scope" and PRICE.search(text) and names_goods(text, shop.goods.values()):
        wanted = "product"
    if wanted == best:
        return understood
    intents = (Intent(name=wanted, confidence=1.0), *understood.intents)
    slots = understood.slots.model_copy(update={"orders": (before.order,) if topics else ()})
    return understood.model_copy(update={"intents": intents, "topics": topics, "slots": slots})


def as_possible(task: Task, order: OrderView, text: str, shop: ShopView) -> Task:
    """Where goods are chosen by what is left out: the task, or the other one if only that is possible."""
    other = INSTEAD.get(task.name)
    if other is None or not refusal(task, order):
        return task
    is_whole = task.name == "return_items" and WHOLE.search(text) and not task.pieces
    if not is_whole and not (EXCEPT.search(text) and left_out(text)):
        return task
    if not is_possible(other, order):
        return task
    named = slots(text).model_copy(update={"orders": (), "everything": True})
    return fill(Task(name=other, order=order.order), named, text, shop)


def beside_refusal(rule: str, task: Task, shop: ShopView) -> tuple[Part, ...]:
    """What to say to a refused request: what is so already, until when it was possible, or the other way."""
    order, other = shop.orders.get(task.order), INSTEAD.get(task.name)
    if order is None:
        return ()
    if order.status == "cancelled":
        return (status_part("order_status", order),)
    if rule == "return-window":
        return return_by(order, "", shop)
    if other is None or not is_possible(other, order):
        return ()
    return (Part(template=INSTEAD_OF[task.name]),)


def is_dropped(task: Task, begun: Task, text: str, every: Sequence[Task]) -> bool:
    """Whether the task under way is given up for the new ones, or is one of them; otherwise it comes after them."""
    if task.asked == "order" and any(one.name == task.name and one.order for one in every):
        return True  # now its order is known
    if task.name in INFORMS:
        return not task.order  # the question which order is left for a wish
    if begun.name in INFORMS or task.order not in ("", begun.order):
        return False
    same_goods = bool(set(task.pieces) & set(begun.pieces))
    return same_goods or is_correction(text) or without_refused(text) != text


def is_new_wish(context: TurnContext, task: Task) -> bool:
    """Whether the turn wants something else than the question that only reads and waits for its order."""
    if task.name not in INFORMS or task.order or context.intent == task.name:
        return False
    sure = context.understood.best.confidence >= 0.8
    return context.intent in KINDS or (context.intent in INFORMS and sure)


def says_it_again(context: TurnContext, task: Task) -> bool:
    """Whether the turn says the wish again that waits for a yes, and names nothing else: "right, return one"."""
    is_other = re.search(r"\b(?:other|another|else)\b|另|别的|还有", context.turn.text)
    same = context.sure and context.intent == task.name and not context.understood.slots.orders
    same = same or names_only_goods(context.turn.text, context.shop.goods)
    return task.asked == "confirm" and same and not is_other


def product_asked(context: TurnContext) -> tuple[Part, ...]:
    """The answer to a question about the goods that were shown last; nothing if it is no such question."""
    reads = ("out_of_scope", "product", "order_contents", "repeat", "knowledge")
    if context.intent not in reads:
        return ()
    if context.intent == "knowledge" and not asks_for_cheaper(
        context.turn.text, context.before.said, context.shop
    ):
        return ()
    if context.before.task is not None:
        return ()
    shown = about(context.turn.text, context.before.said, context.shop)
    order = context.shop.orders.get(context.before.order)
    skus = [piece.sku for piece in order.pieces] if order is not None else []
    return shown or of_order(context.turn.text, skus, context.shop)


def names_it_again(context: TurnContext, task: Task) -> bool:
    """Whether the turn says the order of the open question again, and nothing else."""
    orders = context.understood.slots.orders
    return orders == (task.order,) and has_only_names(context.turn.text)


def is_replaced(context: TurnContext, task: Task, filled: Task, plain: str) -> bool:
    """Whether the turn corrects the task: a correction, or another order without a wish of its own."""
    if filled == task or is_new_wish(context, task):
        return False
    said_no = plain == "no" or context.intent == "deny" or begins_with_no(context.turn.text)
    corrects = said_no or is_correction(context.turn.text)
    if not filled.order or filled.order == task.order:
        return corrects and not is_other_task(context, task, filled)
    is_wish = context.sure and context.intent in TASKS and not has_only_names(context.turn.text)
    text = context.turn.text
    names_one = _names_one(text)
    if is_wish and context.intent in INFORMS and task.name not in INFORMS and not names_one:
        return False  # "where is B?" is no answer to "which order shall be cancelled?"
    return not task.order or corrects or not is_wish


def _names_one(text: str) -> bool:
    """Whether a text only says which order it is: "the one with the lamp", "the pair that's not sent yet"."""
    is_one = BY_GOODS.search(text) or (ONE_ORDER.search(text) and is_of_state(text))
    return bool(is_one) and not QUESTION.search(text) and not WANTS_TO_KNOW.search(text)


def is_other_task(context: TurnContext, task: Task, filled: Task) -> bool:
    """Whether the turn is a wish of another kind than the task under way.

    What gives a value of the task is one only if that is clear: the intent of a mere name is a guess.
    """
    both_replace = context.intent in REPLACES and task.name in REPLACES
    if task.asked in ("pieces", "new", "confirm") and names_only_goods(
        context.turn.text, context.shop.goods
    ):
        return False
    if both_replace or has_only_names(context.turn.text) or only_asks(context.turn.text):
        return False
    if not context.sure or context.intent not in TASKS or context.intent == task.name:
        return False
    if _only_corrects(context, task, filled):
        return False
    if QUESTION.search(context.turn.text):
        return True
    names_one = task.asked == "order" and _names_one(context.turn.text)
    is_guess = filled != task and context.understood.best.confidence < CLEAR_WISH
    return not (is_guess or (context.intent in INFORMS and (names_one or chooses(context))))


def _only_corrects(context: TurnContext, task: Task, filled: Task) -> bool:
    """Whether the turn answers the open question, or corrects its pieces, and calls no other wish by its name."""
    text = context.turn.text
    names = NAMED.get("exchange_items" if context.intent in REPLACES else context.intent)
    if names is None or names.search(text) or NEW.search(text):
        return False
    if task.asked in ("pieces", "new"):
        return filled != task
    corrects = ADDS.search(text) or is_correction(text) or begins_with_no(text)
    return bool(corrects) and filled.pieces not in (task.pieces, ())


def is_repeat(context: TurnContext) -> bool:
    """Whether the turn asks for the last answer again; "no, only asking" does not."""
    if context.intent != "repeat" or not context.before.said or not context.sure:
        return False
    return not chooses(context) and not only_asks(context.turn.text)


def chooses(context: TurnContext) -> bool:
    """Whether the turn answers what is wanted instead: "an assistant" is no person, "the same again" no repeat."""
    task = context.before.task
    if task is None or task.asked != "new":
        return False
    return bool(fill(task, context.understood.slots, context.turn.text, context.shop).new)
