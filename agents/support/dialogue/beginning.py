"""The tasks that a turn begins, each with what the text says of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from agents.support.dialogue.describing import QUESTION, described, orders_named
from agents.support.dialogue.forms import (
    INFORMS,
    ITEMS,
    KINDS,
    MISTAKE,
    NEEDS,
    REPLACES,
    ShopView,
    fill,
    is_possible,
    missing,
)
from agents.support.dialogue.goods import named_pieces
from agents.support.dialogue.meanings import is_dropped
from agents.support.dialogue.products import with_shown
from agents.support.dialogue.repairs import ALL_OF_THEM, also_asked, every_order, topics_of
from agents.support.dialogue.selecting import OF_AN_ORDER
from agents.support.dialogue.turn_context import NAMED, TASKS, TurnContext
from agents.support.dialogue.wording import called
from agents.support.models import Dialogue, IntentName, Part, Slots, Task, Wish
from agents.support.understanding.exclusions import left_out, meant, without_refused
from agents.support.understanding.roles import plain, role
from agents.support.understanding.slots import slots
from agents.support.understanding.wishes import NO_FIRST

EXCLUSIVE = ITEMS | {"cancel_order"}  # two of them with the same goods cannot both be done
PHRASES = re.compile(r"(?<!\d)[.,!?;](?!\d)|[，。；！？、\n]+|\band\b|和|跟", re.IGNORECASE)
EITHER = re.compile(r"\bor\b|还是|或", re.IGNORECASE)
MOST_TEXT = 1_000  # characters of what was said about a task


def begun_by(context: TurnContext) -> Sequence[Task]:
    """The task of a turn with one wish; several if it is about all orders, or asks two things about one."""
    before, shop, text = context.before, context.shop, context.turn.text
    name, named = context.intent, context.understood.slots
    if every := every_order(name, text, shop):  # type: ignore[arg-type]  # of TASKS
        return every
    orders = shop.spelled(named.orders)
    if several := _of_each_order(_task(name, "", text, topics_of(context)), shop):
        return several
    begun = _task(name, "" if orders else before.order, text, topics_of(context))
    if before.options and before.began:
        known = described(before.began, name, Dialogue(), shop).order
        begun = begun.model_copy(update={"order": begun.order or ("" if orders else known)})
        begun = fill(begun, slots(before.began), before.began, shop)
        begun = begun.model_copy(update={"text": f"{before.began}\n{text}"[-MOST_TEXT:]})
    filled = fill(_about_the_same(begun, context), named, _with_focus(text, begun, context), shop)
    filled = with_shown(filled, text, before.said, shop)
    return [filled, *also_asked(context, filled)]


def by_orders(task: Task, named: str, text: str, shop: ShopView) -> Sequence[Task]:
    """A task for each own order that the parts of `named` are about and that allows it; none where it names fewer.

    Which goods are meant, its part says or else the `text`; in an answer the other way round.
    """
    orders = orders_named(named, task.name, shop) if task.name in ITEMS | {"cancel_order"} else {}
    if len(orders) < 2:
        return ()
    begun = []
    for order, part in orders.items():
        if is_possible(task.name, shop.orders[order]):
            one = _task(task.name, order, f"{part} , {text}", ())
            first, second = (text, part) if task.asked == "order" else (part, text)
            filled = fill(one, Slots(), first, shop)
            begun.append(
                filled if missing(filled) != "pieces" else fill(one, Slots(), second, shop)
            )
    return begun


def several_orders(context: TurnContext, task: Task) -> Sequence[Task]:
    """The tasks of an answer that means several orders: "both", "the boots one and the tent one"."""
    text, shop = context.turn.text, context.shop
    named = task.text if ALL_OF_THEM.search(text) else text  # "the kettle or the lamp" ... "both"
    return by_orders(task, named, task.text, shop) or every_order(task.name, text, shop, asked=True)


def _with_focus(text: str, task: Task, context: TurnContext) -> str:
    """The text with the goods that were talked about last, where it only chooses among them: "the dearer one"."""
    shop, said = context.shop, context.before.said
    order = shop.orders.get(task.order)
    if order is None or not said or named_pieces(order, text, shop.goods):
        return text
    shown = {
        name for piece in order.pieces if (name := called(piece, shop.goods, shop.language)) in said
    }
    return f"{text}, {shown.pop()}" if len(shown) == 1 and len(order.pieces) > 1 else text


@dataclass(frozen=True, slots=True)
class Begun:
    """The tasks of a turn with several wishes, orders of which it is unclear what is wanted, and what is left out."""

    tasks: Sequence[Task]
    unclear: Sequence[str]
    left_out: tuple[Part, ...]


def begun_by_several(context: TurnContext) -> Begun:
    """The tasks of a turn with several wishes, without those that another one excludes."""
    wishes, shop = context.understood.wishes, context.shop
    orders = {name for wish in wishes for name in shop.spelled(wish.slots.orders)}
    named = set(shop.spelled(slots(context.turn.text).orders))
    # Where several are named, or one is only described, a wish without one is about one that has to be asked for.
    shared = context.before.order if not orders else next(iter(orders))
    shared = shared if len(orders) < 2 and orders <= named else ""
    tasks = list[Task]()
    for wish in wishes:
        if wish.name not in TASKS:
            continue
        task = _task(wish.name, shared, wish.text, wish.topics)
        filled = fill(task, _slots_of(context, wish), wish.text, shop)
        tasks += _of_each_order(task.model_copy(update={"order": ""}), shop) or [filled]
    unclear = [n for wish in wishes if wish.name == "out_of_scope" for n in wish.slots.orders]
    wanted = _together(_about_clear_orders(tasks), shop)
    left = _without_excluded(wanted, shop)
    is_correction = left_out(context.turn.text) or NO_FIRST.match(context.turn.text)
    excluded = [task for task in wanted if not is_correction and _is_lost(task, left)]
    parts = (Part(template="left out", values={"task": task.name}) for task in excluded)
    return Begun(left, unclear, tuple(parts))


def _about_clear_orders(tasks: Sequence[Task]) -> list[Task]:
    """The tasks; a question without an order beside clear wishes is about their order, if it is a question at all."""
    clear = [task for task in tasks if task.order or "order" not in NEEDS[task.name]]
    orders = {task.order for task in clear if task.order}
    found = list[Task]()
    for task in tasks:
        if not clear or task in clear or task.name not in INFORMS:
            found.append(task)
        elif QUESTION.search(task.text) and role(plain(task.text)) == "asks":
            only = next(iter(orders)) if len(orders) == 1 else ""
            found.append(task.model_copy(update={"order": only}))
    return found


def _is_lost(task: Task, left: Sequence[Task]) -> bool:
    """Whether a wish that was said with its own verb is not among those that are left."""
    kind = "exchange_items" if task.name in REPLACES else task.name
    is_left = any(one.name == task.name and one.order == task.order for one in left)
    return not is_left and kind in NAMED and bool(NAMED[kind].search(without_refused(task.text)))


def _of_each_order(task: Task, shop: ShopView) -> list[Task]:
    """A task for each own order whose goods its text names: "the boots go back, the speaker too"; none for one."""
    text, visible = task.text, meant(task.text)
    if task.name not in EXCLUSIVE | INFORMS | REPLACES or slots(text).orders:
        return []
    if OF_AN_ORDER.search(text) or EITHER.search(text):  # "the kettle or the lamp" is asked
        return []
    parts, last = list[tuple[str, str]](), ""
    for begin, end in _phrases(text):
        found = [
            name
            for name in shop.latest
            if is_possible(task.name, shop.orders[name])
            and named_pieces(shop.orders[name], visible[begin:end], shop.goods)
        ]
        if len(found) > 1 and last not in found:
            return []
        last = last if last in found or not found else found[0]
        parts.append((last, text[begin:end]))
    orders = [name for name, _ in parts if name]
    if len(set(orders)) < 2:
        return []
    said_of: dict[str, list[str]] = {}
    for name, said in parts:
        said_of.setdefault(name or orders[0], []).append(said)
    texts = {name: " , ".join(some) for name, some in said_of.items()}
    return [
        fill(
            task.model_copy(update={"order": name, "text": said}),
            *(slots(said).model_copy(update={"orders": ()}), said, shop),
        )
        for name, said in texts.items()
    ]


def _phrases(text: str) -> list[tuple[int, int]]:
    """The places of the phrases of a text, as commas and "and" part them."""
    cuts = [mark.span() for mark in PHRASES.finditer(text)]
    ends = [(0, 0), *cuts, (len(text), len(text))]
    return [(before[1], after[0]) for before, after in pairwise(ends) if before[1] < after[0]]


def _together(tasks: Sequence[Task], shop: ShopView) -> Sequence[Task]:
    """The tasks, those that replace goods of one order as one: an order is changed once."""
    left: list[Task] = []
    for task in tasks:
        last = next((one for one in left if _is_same_order(one, task, shop)), None)
        if last is None:
            left.append(task)
            continue
        order, text = task.order or last.order, f"{last.text} , {task.text}"
        named = slots(text).model_copy(update={"orders": ()})
        left[left.index(last)] = fill(_task(last.name, order, text, last.topics), named, text, shop)
    return left


def _is_same_order(first: Task, second: Task, shop: ShopView) -> bool:
    """Whether both replace goods of one order; where one names none, its goods have to be in that of the other."""
    if not {first.name, second.name} <= REPLACES:
        return False
    if "" not in (first.order, second.order):
        return first.order == second.order
    order = shop.orders.get(first.order or second.order)
    text = second.text if first.order else first.text
    return order is not None and bool(named_pieces(order, text, shop.goods))


def _without_excluded(tasks: Sequence[Task], shop: ShopView) -> Sequence[Task]:
    """The tasks without those that a later one excludes; the later one takes over what was said about the goods.

    Who tells why comes to the wish at the end: "this shirt does not fit, please take it back".
    """
    left: list[Task] = []
    for task in tasks:
        before = [other for other in left if _excludes(task, other)]
        left = [other for other in left if other not in before]
        if before and not task.pieces:
            text = "\n".join(one.text for one in (*before, task))
            named = slots(text).model_copy(update={"orders": ()})
            order = task.order or described(text, task.name, Dialogue(), shop).order
            known = task.model_copy(update={"order": order or before[-1].order, "text": text})
            task = fill(known, named, text, shop)  # noqa: PLW2901 - the same wish, with more known of it
        left.append(task)
    return left


def _excludes(later: Task, task: Task) -> bool:
    """Whether the later task is what is wanted with the goods of the other.

    A change of goods that says nothing of other goods is none beside another wish for its order.
    """
    if (
        task.name in REPLACES
        and not task.new
        and later.name in KINDS
        and later.order in ("", task.order)
    ):
        return later.name not in REPLACES and not slots(task.text).orders
    if not {later.name, task.name} <= EXCLUSIVE or later.name == task.name:
        return False
    if task.name == "cancel_order" and later.order != task.order:
        return False
    if "" not in (task.order, later.order) and task.order != later.order:
        return False
    same = not task.pieces or not later.pieces or bool(set(task.pieces) & set(later.pieces))
    return same and not task.new and not slots(task.text).orders


def still_open(context: TurnContext, tasks: Sequence[Task], begun: Task) -> list[Task]:
    """The tasks of earlier turns that come after the new ones; what waited for its order may have it now."""
    task, known = context.before.task, {one.name for one in tasks if one.order}
    later = [one for one in context.before.later if one.order or one.name not in known]
    if task is None or is_dropped(task, begun, context.turn.text, tasks):
        return later
    return [task, *later]


def with_text(task: Task, text: str) -> Task:
    """The task with another text about it."""
    more = f"{task.text}\n{text}" if task.text else text
    return task.model_copy(update={"text": more[-MOST_TEXT:]})


def with_said(context: TurnContext) -> TurnContext:
    """The context whose task remembers the turn, where an address is said little by little, or why it is cancelled."""
    task, text = context.before.task, context.turn.text
    if task is None or task.text.endswith(text):
        return context
    if task.asked != "address" and not MISTAKE.search(text):
        return context
    before = context.before.model_copy(update={"task": with_text(task, text)})
    return replace(context, before=before)


def each_once(tasks: Sequence[Task]) -> list[Task]:
    """The tasks, each once whatever was said about it."""
    return list({task.model_copy(update={"text": ""}): task for task in reversed(tasks)}.values())[
        ::-1
    ]


def _task(name: IntentName, order: str, text: str, topics: tuple[str, ...]) -> Task:
    return Task(name=name, order=order, text=text[:MOST_TEXT], topics=topics)  # type: ignore[arg-type]  # of TASKS


def _slots_of(context: TurnContext, wish: Wish) -> Slots:
    """What the wish names; "pay A and B by gift card" names the method once for both."""
    if wish.name != "modify_payment" or wish.slots.methods:
        return wish.slots
    return wish.slots.model_copy(update={"methods": context.understood.slots.methods})


def _about_the_same(begun: Task, context: TurnContext) -> Task:
    """The new task about the goods of the one under way, if it names no others: "no, swap it instead"."""
    task = context.before.task
    if task is None or not {begun.name, task.name} <= ITEMS:
        return begun
    if task.order != begun.order or task.name == begun.name:
        return begun
    pieces = task.pieces
    if not pieces and task.order:  # "the silver pair is scratched" ... "I want my money back"
        known = fill(Task(name="return_items", order=task.order), Slots(), task.text, context.shop)
        pieces = known.pieces
    return begun.model_copy(update={"pieces": pieces})
