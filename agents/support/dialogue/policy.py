"""The dialogue's rules: the next step follows from the turn, what is remembered, and the user's orders.

Permissions follow from the user who has signed in, never from text, and nothing changes without a plain yes
to the question just asked, which names the change. The patterns of repair are those of Rasa's CALM: correction,
cancellation, repetition, clarification, digression and hand-over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from agents.shop.rules import RuleViolation, perform
from agents.support.dialogue.forms import (
    INFORMS,
    ShopView,
    choices,
    fill,
    missing,
    refusal,
    request_of,
)
from agents.support.dialogue.render import (
    confirmation,
    refusal_part,
    render,
    status_part,
    without_links,
)
from agents.support.models import (
    Action,
    Decided,
    Dialogue,
    IntentName,
    Language,
    Part,
    Passage,
    Task,
    TaskName,
    Turn,
    Understood,
)
from agents.support.understanding.consent import verdict

UNSURE = 0.35
CLOSE = 0.15  # if the first two intents differ by less, a question asks which of them is meant
MOST_FAILURES = 2
MOST_LATER = 3
SMALL_TALK = {"greeting", "thanks"}
FOR_A_PERSON = {"more-than-one-payment"}  # rules from which only our staff may make an exception
TASKS = frozenset(get_args(TaskName))


@dataclass(frozen=True, slots=True)
class TurnContext:
    """A turn with everything that its decision may depend on."""

    turn: Turn
    understood: Understood
    before: Dialogue
    shop: ShopView

    @property
    def intent(self) -> IntentName:
        """The most probable intent; if two were offered, the one that the turn chooses."""
        options, chosen = self.before.options, self.understood.slots.choice
        if options and 0 < chosen <= len(options):
            return options[chosen - 1]
        named = [i.name for i in self.understood.intents if i.name in options]
        return named[0] if named else self.understood.best.name

    @property
    def sure(self) -> bool:
        """Whether the intent is clear enough to act on."""
        return self.understood.best.confidence >= UNSURE or self.intent in self.before.options


def decide(context: TurnContext) -> Decided | None:
    """The next step of the dialogue; None if only the documents can answer: see `answer_from`."""
    before, intent = context.before, context.intent
    if before.taken_over:
        return Decided(action="none", reason="taken over", after=before)
    if context.understood.angry or (intent == "human" and context.sure):
        return hand_over(context.turn, before, "asked for" if intent == "human" else "anger")
    if intent == "repeat" and before.said and context.sure:
        said = (Part(template="said", values={"said": before.said}),)
        return Decided(action="answer", reason="repeated", parts=said, after=before)
    if before.task is not None and (going_on := _go_on(context, before.task)) is not None:
        return going_on
    return _begin(context)


def language(understood: Understood, before: Dialogue) -> Language:
    """The language of the turn; of the turn before it where this turn has no words."""
    return before.language if understood.wordless and before.language else understood.language


def hand_over(turn: Turn, before: Dialogue, reason: str) -> Decided:
    """Ask for a person, who answers from the next turn on."""
    after = before.model_copy(
        update={"taken_over": turn.key, "task": None, "options": (), "later": ()}
    )
    parts = (Part(template="hand over"),)
    return Decided(action="hand_over", reason=reason, parts=parts, after=after)


def _go_on(context: TurnContext, task: Task) -> Decided | None:
    """The next step of the task under way; None if the turn is about something else."""
    plain = verdict(context.turn.text, task.name, task.order) if task.asked == "confirm" else ""
    if plain == "yes":
        return _agreed(context, task)
    intent, named = context.intent, context.understood.slots
    filled = fill(task, named, context.turn.text, context.shop)
    other_order = bool(named.orders) and named.orders[-1] != task.order
    corrected = other_order and (intent == "deny" or not _is_other_task(context, task))
    if corrected or (intent == "deny" and filled != task):
        return _advance(context, filled)
    if plain == "neither" and intent in ("affirm", "deny"):
        return _say(context, (Part(template="yes or no"),), "no plain answer")
    if plain == "no" or intent == "deny":
        return _dropped(context)
    if filled != task and not _is_other_task(context, task):
        return _advance(context, filled)
    return None


def _agreed(context: TurnContext, task: Task) -> Decided:
    """The step after a plain yes: the change, if the last answer ended with the question for it.

    If another answer came in between, or the order has changed since, the question is asked again.
    """
    step = _advance(context, task)
    asked_now = step.action == "confirm" and _was_asked(context, step.parts[-1])
    return _change(context, task) if asked_now else step


def _was_asked(context: TurnContext, question: Part) -> bool:
    before = context.before
    if not before.said and before.language is None:
        return True  # the first release stored neither, and its question was the last answer
    spoken = before.language or context.understood.language
    return before.said.endswith(without_links(render(question, spoken)))


def _is_other_task(context: TurnContext, task: Task) -> bool:
    return context.sure and context.intent in TASKS and context.intent != task.name


def _begin(context: TurnContext) -> Decided | None:
    """The next step of a turn that is not about the task under way."""
    intent, before = context.intent, context.before
    if offered := _which(context):
        names = {f"option {n}": name for n, name in enumerate(offered, 1)}
        later = before.later if before.task is None else (before.task, *before.later)
        after = before.model_copy(update={"options": offered, "task": None, "later": later})
        parts = (Part(template="which of two", values=names),)
        return Decided(action="ask", reason="clarification", parts=parts, after=after)
    if intent in TASKS and context.sure:
        named = context.understood.slots
        wanted = [intent, *(name for name in context.understood.more if name in TASKS)]
        tasks = [Task(name=name, order=before.order) for name in wanted]  # type: ignore[arg-type]  # of TASKS
        begun, *others = sorted(tasks, key=lambda task: task.name not in INFORMS)  # questions first
        left = () if before.task is None or before.task.name == begun.name else (before.task,)
        later = (*(Task(name=task.name) for task in others), *left, *before.later)[:MOST_LATER]
        remembered = before.model_copy(update={"later": later})
        task = fill(begun, named, context.turn.text, context.shop)
        return _advance(_with(context, remembered), task)
    if intent in SMALL_TALK and context.sure:
        return _say(context, (Part(template=intent),), intent)
    if intent in ("affirm", "deny"):
        return _say(context, (Part(template=intent),), intent)
    is_out = intent == "out_of_scope" and context.sure
    return answer_from(context, ()) if is_out else None


def _with(context: TurnContext, before: Dialogue) -> TurnContext:
    return replace(context, before=before)


def _which(context: TurnContext) -> tuple[IntentName, ...]:
    """The first two intents if both are tasks, they are close, and nothing was offered before."""
    first, *others = context.understood.intents
    if (
        not others
        or context.before.options
        or others[0].name not in TASKS
        or first.name not in TASKS
    ):
        return ()
    is_close = first.confidence - others[0].confidence < CLOSE
    return (first.name, others[0].name) if is_close else ()


def answer_from(context: TurnContext, passages: Sequence[Passage]) -> Decided:
    """Answer with the best of these passages; without any say so, and hand over the second time."""
    before = context.before
    if passages:
        answer = _say(context, (Part(passage=passages[0]),), "knowledge")
        return answer.model_copy(update={"besides": tuple(passages[1:])})
    failures = before.failures + 1
    if failures >= MOST_FAILURES:
        return hand_over(context.turn, before, "not understood twice")
    after = before.model_copy(update={"failures": failures, "options": ()})
    template = "no evidence" if context.intent == "knowledge" else "not understood"
    parts = (Part(template=template), *_open_question(context))
    return Decided(action="ask", reason=template, parts=parts, after=after)


def _say(context: TurnContext, parts: tuple[Part, ...], reason: str) -> Decided:
    """Answer, and repeat the open question of the task under way."""
    after = context.before.model_copy(update={"failures": 0, "options": ()})
    said = (*parts, *_open_question(context))
    return Decided(action="answer", reason=reason, parts=said, after=after)


def _open_question(context: TurnContext) -> tuple[Part, ...]:
    task = context.before.task
    return (_question(context, task),) if task is not None and task.asked else ()


def _dropped(context: TurnContext) -> Decided:
    parts, after = _next(context, "")
    said = (Part(template="deny"), *parts)
    return Decided(action="answer", reason="dropped", parts=said, after=after)


def _change(context: TurnContext, task: Task) -> Decided:
    """Request what the user has confirmed; order processing checks the rules again."""
    request = request_of(task, context.shop.orders.get(task.order))
    then, after = _next(context, task.order)
    return Decided(action="change", reason=task.name, request=request, then=then, after=after)


def _advance(context: TurnContext, task: Task) -> Decided:
    """Refuse what the order refuses, ask for what is missing, ask for a yes, or answer."""
    order = context.shop.orders.get(task.order)
    if task.order and order is None:
        return _unknown(context, task)
    if order is not None and (rule := refusal(task, order)):
        return _refused(context, task, rule, order.order)
    slot = missing(task)
    if slot:
        return _ask(context, task.model_copy(update={"asked": slot}), "ask")
    if task.name in INFORMS and order is not None:
        then, after = _next(context, task.order)
        parts = (status_part(task.name, order), *then)
        return Decided(action="answer", reason=task.name, parts=parts, after=after)
    try:
        perform(request_of(task, order), context.shop.customer, order, context.shop.goods)
    except RuleViolation as error:
        return _refused(context, task, error.rule, error.subject)
    return _ask(context, task.model_copy(update={"asked": "confirm"}), "confirm")


def _refused(context: TurnContext, task: Task, rule: str, subject: str) -> Decided:
    """Say which rule refuses the task; hand over where only our staff may decide."""
    refused = refusal_part(rule, subject)
    if rule in FOR_A_PERSON:
        over = hand_over(context.turn, context.before, f"policy: {rule}")
        return over.model_copy(update={"parts": (refused, *over.parts)})
    then, after = _next(context, task.order)
    return Decided(action="answer", reason="refused", parts=(refused, *then), after=after)


def _unknown(context: TurnContext, task: Task) -> Decided:
    """Say that the order is unknown, also if it is another customer's."""
    begun = task.model_copy(update={"order": "", "asked": "order"})
    after = context.before.model_copy(update={"task": begun, "failures": 0, "options": ()})
    part = Part(template="unknown", values={"order": task.order})
    return Decided(action="answer", reason="unknown order", parts=(part,), after=after)


def _ask(context: TurnContext, task: Task, action: Action) -> Decided:
    after = context.before.model_copy(update={"task": task, "failures": 0, "options": ()})
    return Decided(
        action=action,
        reason=task.name,
        parts=(_question(context, task),),
        after=_known(after, task),
    )


def _question(context: TurnContext, task: Task) -> Part:
    """The open question of a task."""
    order = context.shop.orders.get(task.order)
    if task.asked == "confirm":
        return confirmation(task, order, context.shop)
    values: dict[str, str] = {"order": task.order}
    if task.asked == "pieces" and order is not None:
        values["pieces"] = ", ".join(f"{p.name} ({p.sku})" for p in order.pieces)
    if task.asked == "new":
        values["choices"] = "; ".join(
            f"{v.sku}: {', '.join(v.options.values())}" for v in choices(task, context.shop)
        )
    if task.asked == "method":
        values["methods"] = ", ".join(m.id for m in context.shop.customer.methods.values())
    return Part(template=f"which {task.asked}", values=values)


def _next(context: TurnContext, order: str) -> tuple[tuple[Part, ...], Dialogue]:
    """The first step of the next task that the user wanted, after the task that has ended."""
    kept = {"task": None, "failures": 0, "options": (), "order": order or context.before.order}
    after = context.before.model_copy(update=kept)
    if not after.later:
        return (), after
    task, *later = after.later
    after = after.model_copy(update={"later": tuple(later)})
    resumed = task if task.order else task.model_copy(update={"order": after.order})
    step = _advance(_with(context, after), resumed)
    return (Part(template="next", values={"task": task.name}), *step.parts), step.after


def _known(after: Dialogue, task: Task) -> Dialogue:
    return after.model_copy(update={"order": task.order}) if task.order else after
