"""The next step follows from the turn, what is remembered and the user's own orders, and nothing else."""

from dataclasses import replace

import pytest

from agents.shop.requests import Cancel, Return
from agents.support.dialogue.forms import ShopView
from agents.support.dialogue.render import reply
from agents.support.models import ChangeOutcome, Decided, Dialogue, IntentName, Passage
from tests.agents.support.dialogue.shop import MORE, decided, heard, order, said

RULE = Passage(document="en/a.md", section="Rule", text="Thirty days.", language="en", score=1.0)


def answer(step: Decided) -> str:
    return reply("en", step, ChangeOutcome(outcome="applied")).text


def after(step: Decided) -> Dialogue:
    """What the next turn remembers of this step."""
    return reply("en", step, ChangeOutcome(outcome="applied")).after


def talk(*said: tuple[str, IntentName]) -> list[Decided]:
    """The steps of turns, one after the other; each turn remembers the one before it."""
    before, steps = Dialogue(), []
    for text, intent in said:
        step = decided(heard(text, intent, before=before))
        before = after(step)
        steps.append(step)
    return steps


def test_cancelling_needs_an_own_order_and_a_yes() -> None:
    unknown = decided(heard("cancel C300", "cancel_order"))
    assert (unknown.action, unknown.reason) == ("answer", "unknown order")
    asked, done = talk(("cancel A100", "cancel_order"), ("yes", "affirm"))
    assert asked.action == "confirm"
    assert asked.request is None
    assert done.request == Cancel(order="A100")
    assert done.after.task is None
    assert decided(heard("yes", "affirm")).request is None  # without a question it confirms nothing


@pytest.mark.parametrize(
    "text,intent",
    [
        ("are you sure?", "affirm"),
        ("yes, I want to keep it", "affirm"),
        ("yes but only if it is free", "affirm"),
        ("I might", "deny"),
        ("hm", "out_of_scope"),
        ("it is A100", "order_status"),
        ("是A100", "affirm"),
        ("what do returns cost", "knowledge"),
    ],
)
def test_what_is_no_plain_yes_repeats_the_question_and_changes_nothing(
    text: str, intent: IntentName
) -> None:
    asked, doubt, sure = talk(("cancel A100", "cancel_order"), (text, intent), ("yes", "affirm"))
    assert doubt.request is None
    assert answer(doubt).endswith(answer(asked))
    assert sure.request == Cancel(order="A100")


def test_a_yes_to_another_question_confirms_nothing() -> None:
    asked = decided(heard("cancel A100", "cancel_order"))
    which = decided(
        heard("change it", "modify_items", "modify_payment", before=after(asked), confidence=0.5)
    )
    assert which.after.options
    assert decided(heard("yes", "affirm", before=after(which))).request is None


def test_a_yes_after_an_answer_that_did_not_ask_is_asked_again() -> None:
    asked = decided(heard("cancel A100", "cancel_order"))
    between = after(asked).model_copy(update={"said": "", "language": "en"})
    again = decided(heard("yes", "affirm", before=between))
    assert (again.action, again.request) == ("confirm", None)
    assert decided(heard("yes", "affirm", before=after(again))).request == Cancel(order="A100")


def test_a_yes_to_an_order_that_has_changed_since_is_asked_again() -> None:
    asked = decided(heard("cancel A100", "cancel_order"))
    context = heard("yes", "affirm", before=after(asked))
    order = context.shop.orders["A100"]
    dearer = order.pieces[0].model_copy(update={"price": 9_000})
    changed = order.model_copy(update={"pieces": (dearer, *order.pieces[1:])})
    shop = ShopView(context.shop.customer, {"A100": changed}, context.shop.goods)
    again = decided(replace(context, shop=shop))
    assert (again.action, again.request) == ("confirm", None)
    assert "120.00" in answer(again)


def test_what_an_order_refuses_is_said_before_anything_is_asked() -> None:
    early = decided(heard("I want to return something of A100", "return_items"))
    assert (early.action, early.reason) == ("answer", "refused")
    assert "only after an order was shipped" in answer(early)


def test_a_no_changes_nothing() -> None:
    *_, dropped, late = talk(("cancel A100", "cancel_order"), ("no", "deny"), ("yes", "affirm"))
    assert (dropped.request, dropped.after.task) == (None, None)
    assert late.request is None


def test_what_is_missing_is_asked_for_and_filled_in_over_turns() -> None:
    which, what, sure, done = talk(
        ("I want to return something", "return_items"),
        ("B200", "out_of_scope"),
        ("the desk lamp", "out_of_scope"),
        ("yes", "affirm"),
    )
    assert [which.after.task.asked, what.after.task.asked] == ["order", "pieces"]  # type: ignore[union-attr]
    assert "30.00" in answer(sure)
    assert done.request == Return(order="B200", pieces=("20000001",), method="card")


def test_a_correction_names_the_other_order() -> None:
    *_, corrected, done = talk(
        ("cancel B200", "cancel_order"),
        ("cancel A100", "cancel_order"),
        ("no, the other order: B200", "deny"),
        ("yes", "affirm"),
    )
    assert corrected.reason == "refused"  # it is shipped already
    assert done.request is None


def test_another_topic_is_answered_and_the_question_comes_back() -> None:
    asked = decided(heard("cancel A100", "cancel_order"))
    aside = decided(heard("how long?", "knowledge", before=after(asked)), RULE)
    assert answer(aside).startswith("Thirty days. Order A100")
    assert aside.after.task == asked.after.task
    assert decided(heard("yes", "affirm", before=after(aside))).request == Cancel(order="A100")


def test_another_task_comes_first_and_the_one_before_it_after() -> None:
    asked = decided(heard("cancel A100", "cancel_order"))
    status = decided(heard("where is B200", "order_status", before=asked.after))
    assert "has been shipped" in answer(status)
    assert status.after.task is not None
    assert status.after.task.name == "cancel_order"


def test_several_wishes_are_met_one_after_the_other() -> None:
    both = decided(heard("cancel A100, where is it", "cancel_order", more=("order_status",)))
    assert "is being prepared" in answer(both)
    assert both.after.task is not None
    assert both.after.task.asked == "confirm"


def talked(*texts: str) -> list[Decided]:
    """The steps of these turns in a shop of three orders."""
    before, steps = Dialogue(), []
    for text in texts:
        step = decided(said(text, before, MORE))
        before = after(step)
        steps.append(step)
    return steps


def test_each_wish_acts_on_the_order_it_names() -> None:
    asked, done = talked("Cancel order A100 and where is B200?", "yes")
    assert "B200 has been shipped" in answer(asked)
    assert answer(asked).endswith(
        "Order A100, USD 40.00 in all. Shall I cancel it? Please answer yes or no."
    )
    assert done.request == Cancel(order="A100")


@pytest.mark.parametrize(
    "texts",
    [
        ("cancel A100 and C300",),
        ("取消C300和A100",),
        ("cancel A100", "cancel C300"),
        ("cancel A100", "and C300"),
        ("I want to cancel something", "A100 and C300"),
    ],
)
def test_two_orders_are_cancelled_by_a_yes_for_each(texts: tuple[str, ...]) -> None:
    *_, first, second = talked(*texts, "yes", "yes")
    assert {getattr(step.request, "order", "") for step in (first, second)} == {"A100", "C300"}


@pytest.mark.parametrize(
    "texts",
    [
        ("cancel C300, no wait, A100",),
        ("cancel A100 not C300",),
        ("cancel C300", "no wait, A100 not C300"),
        ("cancel C300", "no, I mean A100"),
        ("cancel C300", "no, cancel A100"),
        ("cancel C300", "actually cancel A100 instead"),
        ("cancel C300", "the other one, A100"),
        ("取消C300", "不，取消A100"),
        ("cancel C300 and A100", "not C300"),
        ("取消C300，不对，A100",),
    ],
)
def test_a_corrected_order_is_forgotten(texts: tuple[str, ...]) -> None:
    *_, done, nothing = talked(*texts, "yes", "yes")
    assert done.request == Cancel(order="A100")
    assert nothing.request is None


@pytest.mark.parametrize("text", ["cancel A100 or C300", "cancel one from A100 to C300"])
def test_of_two_orders_none_is_guessed(text: str) -> None:
    (asked,) = talked(text)
    assert asked.after.task is not None
    assert (asked.after.task.order, asked.after.task.asked) == ("", "order")


def test_a_wish_without_an_order_beside_two_others_is_asked_about() -> None:
    *_, last = talked("where is A100. where is B200. cancel it")
    assert last.after.task is not None
    assert (last.after.task.name, last.after.task.order) == ("cancel_order", "")


@pytest.mark.parametrize(
    "text,pieces",
    [
        ("return the desk lamp from B200, that's all", ("20000001",)),
        ("return everything except the desk lamp from B200", ("10000001",)),
        ("return the T-shirt but not the desk lamp from B200", ("10000001",)),
        ("don't return the desk lamp, return the T-shirt from B200", ("10000001",)),
        ("return everything from B200", ("10000001", "20000001")),
        ("return everything except the lamp from B200", ("10000001",)),
        ("return everything except the sofa from B200", ()),
        ("return everything, just the desk lamp, from B200", ()),  # neither is guessed
    ],
)
def test_only_the_goods_that_are_named_go_back(text: str, pieces: tuple[str, ...]) -> None:
    (asked,) = talked(text)
    assert asked.after.task is not None
    assert asked.after.task.pieces == pieces


def test_goods_are_left_out_and_added_at_the_question() -> None:
    *_, less, more = talked("return everything from B200", "not the desk lamp", "the desk lamp too")
    assert less.after.task is not None
    assert more.after.task is not None
    assert (less.after.task.pieces, less.action) == (("10000001",), "confirm")
    assert more.after.task.pieces == ("10000001", "20000001")


def test_a_part_of_an_order_cannot_be_cancelled_and_that_is_said() -> None:
    for texts in (
        ("cancel A100 but keep the desk lamp",),
        ("cancel A100", "yes please, but keep the desk lamp"),
    ):
        *_, asked = talked(*texts)
        assert asked.request is None
        assert "only as a whole" in answer(asked)


def test_the_next_wish_finds_the_order_as_the_one_before_leaves_it() -> None:
    _, done = talked("cancel A100 and return everything", "yes")
    assert done.request == Cancel(order="A100")
    assert "only after an order was shipped" in answer(done)


def test_an_order_is_known_in_small_letters() -> None:
    assert "is being prepared" in answer(decided(said("where is a100")))


def test_an_unknown_order_keeps_no_other_wish_waiting() -> None:
    (asked,) = talked("cancel Z900 and A100")
    assert "cannot find order Z900" in answer(asked)
    assert answer(asked).endswith(
        "Order A100, USD 40.00 in all. Shall I cancel it? Please answer yes or no."
    )


def test_what_is_more_than_can_be_remembered_is_said() -> None:
    names = [f"A{n:03}" for n in range(100, 115)]
    every = {name: order(name, "pending") for name in names}
    shop = ShopView(MORE.customer, every, MORE.goods)
    asked = decided(said("cancel " + " and ".join(names), shop=shop))
    assert answer(asked).startswith("Please ask me again, by itself, about A110, A111, A112")


def test_a_person_is_called_for_also_beside_other_wishes() -> None:
    assert talked("cancel A100 and I want a person")[0].action == "hand_over"


def test_two_close_meanings_are_asked_about_once() -> None:
    asked = decided(heard("change it", "modify_items", "modify_payment", confidence=0.5))
    assert asked.after.options == ("modify_items", "modify_payment")
    assert "or to pay" in answer(asked)
    assert decided(heard("yes", "affirm", before=asked.after)).after.options == asked.after.options
    second = decided(heard("the second", "out_of_scope", before=asked.after))
    assert second.after.task is not None
    assert second.after.task.name == "modify_payment"


def test_a_person_is_called_when_asked_for_or_in_anger() -> None:
    assert decided(heard("person", "human")).action == "hand_over"
    assert decided(heard("scam", "greeting", angry=True)).reason == "anger"


def test_a_person_is_offered_after_two_failures_and_comes_only_after_a_yes() -> None:
    once = decided(heard("poem", "out_of_scope"))
    assert "for example" in answer(once)
    twice = decided(heard("poem", "out_of_scope", before=once.after))
    assert (twice.action, twice.after.options) == ("ask", ("human",))
    assert answer(twice).endswith("Shall a person take over? Please answer yes or no.")
    assert answer(twice) != answer(once), "it is said in other words"
    again = decided(heard("poem", "out_of_scope", before=twice.after))
    assert (again.action, again.after.taken_over) == ("ask", "")
    assert decided(heard("no", "deny", before=twice.after)).after.taken_over == ""
    assert decided(heard("maybe later", "affirm", before=twice.after)).after.taken_over == ""
    assert decided(heard("yes please", "affirm", before=twice.after)).action == "hand_over"


def test_no_to_a_person_is_no_to_the_open_question_neither() -> None:
    open_ = after(decided(heard("cancel A100", "cancel_order")))
    offered = decided(heard("the box was open", "complaint", before=open_))
    assert answer(offered).count("?") == 1, "one question at a time"
    wanted = decided(heard("yes", "affirm", before=after(offered)))
    assert (wanted.action, wanted.request) == ("hand_over", None)
    step = decided(heard("no", "deny", before=after(offered)))
    assert (step.request, step.after.task) == (None, open_.task)
    assert answer(step).endswith("Shall I cancel it? Please answer yes or no.")
    assert decided(heard("yes", "affirm", before=after(step))).action == "change"


@pytest.mark.parametrize("intent", ["complaint", "payment_problem"])
def test_who_complains_is_offered_a_person(intent: IntentName) -> None:
    offered = decided(heard("the box was open", intent))
    assert (offered.action, offered.after.failures) == ("ask", 0)
    assert "sorry" in answer(offered)
    assert decided(heard("y", "affirm", before=offered.after)).reason == "asked for"


@pytest.mark.parametrize(
    "text,intent,says",
    [
        ("my orders", "order_list", "Your latest orders: B200 (T-Shirt, Desk Lamp) has been shipped."),
        ("what is in A100", "order_contents", "T-Shirt (USD 10.00), Desk Lamp (USD 30.00). Total USD 40.00, paid by"),
        ("how much is on my gift card", "gift_card", "There is USD 50.00 left on gift card."),
        ("what does the lamp cost", "product", "Desk Lamp: USD 30.00. You can choose power: battery."),
        ("t-shirts in blue?", "product", "T-Shirt: we have blue, L for USD 11.00; blue, M for USD 12.00."),
        ("I need an invoice", "invoice", "Our staff send the one of an order"),
        ("my password is lost", "account", "signed in"),
        ("I want to buy a lamp", "place_order", "put the goods into the basket"),
        ("are you human", "bot", "I am a program"),
        ("bye", "goodbye", "Goodbye"),
    ],
)  # fmt: skip
def test_questions_that_only_read_are_answered(text: str, intent: IntentName, says: str) -> None:
    step = decided(heard(text, intent))
    assert says in answer(step)
    assert step.request is None


def test_what_the_shop_does_not_sell_is_not_made_up() -> None:
    assert decided(heard("how much is a yacht", "product")).reason == "not understood"


def test_own_orders_are_offered_where_one_is_missing_and_after_every_digression() -> None:
    asked, aside = talk(("cancel something", "cancel_order"), ("hi", "greeting"))
    for step in (asked, aside):
        assert "B200 (T-Shirt, Desk Lamp) has been shipped" in answer(step)
        assert answer(step).endswith("Which order is it? Please give me its number.")


def test_what_only_our_staff_may_do_is_handed_over() -> None:
    context = heard("pay A100 with my gift card", "modify_payment")
    order = context.shop.orders["A100"]
    twice = order.model_copy(update={"movements": order.movements * 2})
    shop = ShopView(context.shop.customer, {"A100": twice}, context.shop.goods)
    over = decided(replace(context, shop=shop))
    assert (over.action, over.reason) == ("hand_over", "policy: more-than-one-payment")
    assert "a person has to look at it. I hand you over" in answer(over)


def test_once_a_person_has_taken_over_only_questions_are_answered() -> None:
    gone = decided(heard("person", "human"))
    assert gone.after.taken_over == "c#000001"
    told = decided(heard("where is B200", "order_status", before=gone.after))
    assert answer(told) == "Order B200 has been shipped."
    assert "Thirty days." in answer(decided(heard("return?", "knowledge", before=gone.after), RULE))
    for text, intent in (("cancel A100", "cancel_order"), ("yes", "affirm"), ("what", "knowledge")):
        silent = decided(heard(text, intent, before=gone.after))  # type: ignore[arg-type]
        assert (silent.action, silent.request) == ("none", None)
        assert answer(silent).startswith("That is with our staff now.")
        assert silent.after == gone.after


def test_where_a_person_writes_the_agent_is_silent() -> None:
    before = Dialogue(taken_over="c#000002.1", said="Hello!")
    step = decided(heard("where is B200", "order_status", before=before))
    assert (step.action, answer(step), step.after) == ("none", "", before)


def test_what_was_said_is_said_again() -> None:
    before = Dialogue(said="Order B200 has been shipped.")
    again = reply("en", decided(heard("what?", "repeat", before=before)), ChangeOutcome())
    assert again.text == again.after.said == before.said


def test_nothing_is_made_up() -> None:
    nothing = decided(heard("do you sell cars?", "knowledge"))
    assert answer(nothing).startswith("Our documents say nothing about that.")
    known = decided(heard("returns?", "knowledge"), RULE)
    assert reply("en", known, ChangeOutcome()).citations == ("en/a.md: Rule",)


def test_an_order_that_is_handled_is_not_asked_for_again() -> None:
    text = "change the T-Shirt in order A100 to one in blue and M"
    step = decided(heard(text, "modify_items", more=("out_of_scope",)))
    assert "ask me again" not in answer(step)


def test_what_is_wanted_instead_is_no_person_whatever_it_is_called() -> None:
    asked = decided(heard("exchange the T-Shirt of B200", "exchange_items"))
    blue = decided(heard("the one for an agent in blue", "human", before=after(asked)))
    assert blue.action == "confirm"
    assert decided(heard("an agent please", "human", before=after(asked))).action == "hand_over"
    lamp = decided(heard("exchange the lamp of B200", "exchange_items"))
    assert decided(heard("the same again", "repeat", before=after(lamp))).action == "confirm"
    assert decided(heard("say that again", "repeat", before=after(lamp))).reason == "repeated"


def test_goods_are_exchanged_after_shipping_and_changed_before_it_whatever_it_is_called() -> None:
    for text, intent, task in (
        ("change the T-Shirt of B200 to a blue one", "modify_items", "exchange_items"),
        ("exchange the T-Shirt of A100 for a blue one", "exchange_items", "modify_items"),
    ):
        step = decided(heard(text, intent))  # type: ignore[arg-type]
        assert (step.action, step.reason) == ("confirm", task)


def test_a_yes_or_no_counts_only_where_a_question_is_open() -> None:
    asked = decided(heard("cancel something", "deny", "cancel_order"))
    assert after(asked).task is not None
    assert decided(heard("no", "deny", "cancel_order")).reason == "deny"
    open_one = decided(heard("cancel something", "deny", "cancel_order", before=after(asked)))
    assert open_one.reason == "dropped"


def test_goods_that_were_named_before_the_order_was_known_are_remembered() -> None:
    for text, pieces in (
        ("return everything except the lamp", "T-Shirt"),
        ("return the lamp", "Desk Lamp"),
    ):
        _, asked = talk((text, "return_items"), ("B200", "out_of_scope"))
        assert answer(asked).startswith(f"Return {pieces} of order B200")


def test_the_reason_of_a_cancellation_is_the_customers() -> None:
    _, done = talk(("I ordered A100 by mistake, cancel it", "cancel_order"), ("yes", "affirm"))
    assert done.request == Cancel(order="A100", reason="ordered by mistake")
    *_, later = talk(
        ("cancel an order", "cancel_order"), ("A100, a mistake", "out_of_scope"), ("yes", "affirm")
    )
    assert later.request == Cancel(order="A100", reason="ordered by mistake")


@pytest.mark.parametrize("text", ["A100", "my last order"])
def test_an_order_alone_is_answered_with_its_state(text: str) -> None:
    context = heard(text)
    alone = replace(context, understood=context.understood.model_copy(update={"wordless": True}))
    step = decided(alone)
    assert (step.action, step.reason) == ("answer", "named")
    assert step.after.order in ("A100", "B200")
