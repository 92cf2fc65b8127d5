"""What a turn means beside an answer to the open question: dialogues that went wrong once."""

import pytest

from agents.shop.requests import Cancel, Return
from agents.support.dialogue.render import reply
from agents.support.models import ChangeOutcome, Dialogue, IntentName
from agents.support.understanding.exclusions import is_refused, meant, without_refused
from agents.support.understanding.slots import slots
from tests.agents.support.dialogue.shop import answer, decided, heard, talk

CANCEL: tuple[str, IntentName] = ("cancel A100", "cancel_order")


@pytest.mark.parametrize(
    "text",
    ["actually leave it, I'd rather think", "I changed my mind about that one", "还是不取消吧"],
)
def test_a_mind_that_changed_ends_the_task(text: str) -> None:
    _, dropped, later = talk(CANCEL, (text, "deny"), ("yes", "affirm"))
    assert answer(dropped).startswith("All right, nothing was changed.")
    assert (dropped.after.task, later.request) == (None, None)


@pytest.mark.parametrize(
    "text", ["okay let me think", "hm, I need a day to decide", "我还没想好，过两天再说"]
)
def test_who_hesitates_is_left_in_peace(text: str) -> None:
    _, aside, later = talk(CANCEL, (text, "affirm"), ("yes", "affirm"))
    assert aside.parts[0].template == "put aside"
    assert (aside.after.task, later.request) == (None, None)


def test_goods_of_the_question_are_named_in_a_yes_to_it() -> None:
    begun: tuple[str, IntentName] = ("return the desk lamp of B200", "return_items")
    _, returned = talk(begun, ("sure, please send the lamp back", "return_items"))
    assert returned.request is not None
    _, other = talk(begun, ("sure, please send the lamp and the mug back", "return_items"))
    assert other.request is None


def test_a_no_with_several_wishes_is_no_yes() -> None:
    asked = decided(heard("cancel A100", "cancel_order"))
    before = reply("en", asked, ChangeOutcome(outcome="applied")).after
    several = heard(
        "no, where is B200 and return its lamp",
        "order_status",
        before=before,
        more=("return_items",),
    )
    assert decided(several).request is None


def test_another_wish_after_a_no_is_begun_and_the_first_one_forgotten() -> None:
    _, other = talk(CANCEL, ("no, change the address", "modify_order_address", "deny"))
    assert other.after.task is not None
    assert (other.after.task.name, other.after.later) == ("modify_order_address", ())


@pytest.mark.parametrize(
    "text", ["only if it is free", "unless it costs something", "如果免费就取消"]
)
def test_a_condition_is_answered_and_is_no_yes(text: str) -> None:
    asked, step = talk(CANCEL, (text, "return_items"))
    assert step.request is None
    assert answer(step).endswith(answer(asked))


def test_a_question_back_is_no_failure_to_understand() -> None:
    asked, step = talk(CANCEL, ("why do you want to know", "out_of_scope"))
    assert answer(step) == f"Nothing is changed without a plain yes. {answer(asked)}"


@pytest.mark.parametrize("text", ["cancel all my orders", "cancel every order", "把订单全部取消"])
def test_all_my_orders_are_those_that_allow_it(text: str) -> None:
    asked, done = talk((text, "cancel_order"), ("yes", "affirm"))
    assert asked.after.later == ()
    assert done.request == Cancel(order="A100")  # B200 has been shipped


def test_an_order_that_is_asked_about_is_no_answer_to_which_order() -> None:
    _, step = talk(("cancel my order", "cancel_order"), ("where is B200", "order_status"))
    assert "B200 has been shipped" in answer(step)
    assert step.after.task is not None
    assert (step.after.task.name, step.after.task.order) == ("cancel_order", "")


def test_a_yes_to_which_order_asks_again() -> None:
    asked, again = talk(("cancel my order", "cancel_order"), ("yes", "affirm"))
    assert answer(again) == answer(asked)


def test_goods_in_two_orders_are_those_of_the_order_that_allows_it() -> None:
    (step,) = talk(("return the lamp", "return_items"))
    assert step.after.task is not None
    assert step.after.task.order == "B200"


def test_a_no_to_a_person_with_a_wish_begins_the_wish() -> None:
    _, step = talk(
        ("the lamp has a scratch", "complaint"), ("no, I want to return it", "return_items", "deny")
    )
    assert step.action == "confirm"
    assert answer(step).startswith("Return Desk Lamp of order B200")


def test_an_address_can_come_in_two_turns_and_alone() -> None:
    _, whole = talk(
        ("ship A100 to 9 Hill Street, Denver", "modify_order_address"), ("CO 80202", "out_of_scope")
    )
    assert "9 Hill Street\ncity: Denver\nstate: CO\npostcode: 80202" in answer(whole)
    (alone,) = talk(("9 Hill Street, Denver, CO 80202", "out_of_scope"))
    assert alone.after.options == ("modify_order_address", "modify_customer_address")


@pytest.mark.parametrize(
    "text,city",
    [
        ("I live at 77 Cherry Lane in Seattle, Washington, zip is 98101", "Seattle"),
        ("55 Maple Street, Apt 3, Boston MA 02110", "Boston"),
        ("at 4 Oak Road, Salt Lake City, UT, zip code 84101", "Salt Lake City"),
    ],
)
def test_an_address_in_free_text(text: str, city: str) -> None:
    address = slots(text).address
    assert address is not None
    assert (address.city, address.line1[0].isdigit()) == (city, True)


def test_what_is_wanted_instead_is_no_question_about_the_order() -> None:
    begun = ("exchange the t-shirt of B200", "exchange_items")
    _, answered = talk(begun, ("one in blue and M", "order_status"))  # type: ignore[arg-type]  # names of intents
    assert answered.action == "confirm"
    _, asked = talk(begun, ("where is the one in blue and M?", "order_status"))  # type: ignore[arg-type]
    assert asked.action == "answer"


def test_a_reason_that_comes_with_the_yes_counts() -> None:
    for yes in ("yes, please, I ordered it by mistake", "对，我下错单了"):
        _, changed = talk(CANCEL, (yes, "affirm"))
        assert changed.request == Cancel(order="A100", reason="ordered by mistake")


def test_the_options_are_said_where_something_new_is_asked_for() -> None:
    _, step = talk(
        ("exchange the t-shirt of B200", "exchange_items"),
        ("what sizes are there?", "out_of_scope"),
    )
    assert "size: M, L" in answer(step)
    assert "10000002" not in answer(step), "no number that only the shop uses"


def test_the_cheapest_is_chosen_and_shown() -> None:
    (step,) = talk(("exchange the t-shirt of B200 for the cheapest one", "exchange_items"))
    assert "for T-Shirt (blue, L)" in answer(step)


RETURN: tuple[str, IntentName] = ("return everything of B200", "return_items")


@pytest.mark.parametrize(
    "text",
    ["yes, both of them", "yes, both", "对，就这俩", "yes please, those two", "好的，两件都退"],
)
def test_a_yes_counts_the_pieces_of_the_question(text: str) -> None:
    _, done = talk(RETURN, (text, "affirm"))
    assert isinstance(done.request, Return)
    begun: tuple[str, IntentName] = ("return the desk lamp of B200", "return_items")
    _, again = talk(begun, (text, "affirm"))
    assert again.request is None, "one piece was asked about"


def test_pieces_are_corrected_whatever_the_turn_reads_like() -> None:
    begun: tuple[str, IntentName] = ("return the desk lamp of B200", "return_items")
    _, both, other, done = talk(
        begun,
        ("actually make it the T-Shirt as well", "modify_items"),
        ("no wait, not the lamp", "deny"),
        ("yes", "affirm"),
    )
    assert both.after.task is not None
    assert both.after.task.pieces == ("20000001", "10000001")
    assert other.request is None
    assert isinstance(done.request, Return)
    assert done.request.pieces == ("10000001",)


def test_an_answer_of_names_alone_is_no_anger() -> None:
    begun: tuple[str, IntentName] = ("exchange the t-shirt of B200", "exchange_items")
    (asked,) = talk(begun)
    after = asked.after.model_copy(update={"said": answer(asked), "language": "en"})
    chosen = decided(heard("the blue L one", "complaint", before=after, angry=True))
    assert (chosen.action, chosen.after.taken_over) == ("confirm", "")


def test_a_yes_to_one_of_two_is_none_to_both() -> None:
    _, other, done = talk(RETURN, ("yes, return the lamp", "return_items"), ("yes", "affirm"))
    assert other.request is None
    assert isinstance(done.request, Return)
    assert done.request.pieces == ("20000001",)


@pytest.mark.parametrize(
    "text",
    ["hm, it was a present, better not return it", "先不退了", "我再看看吧", "还是别退了，谢谢", "那以后再说"],
)  # fmt: skip
def test_a_refusal_of_what_was_asked_is_no_repeat(text: str) -> None:
    _, dropped, later = talk(RETURN, (text, "repeat"), ("yes", "affirm"))
    assert dropped.reason == "dropped"
    assert (dropped.after.task, later.request) == (None, None)


@pytest.mark.parametrize("text", ["hang on, what is left on my gift card", "礼品卡里还剩多少"])
def test_a_question_beside_a_confirmation_changes_nothing_of_it(text: str) -> None:
    asked, beside = talk(("pay A100 by credit card", "modify_payment"), (text, "gift_card"))
    assert beside.after.task == asked.after.task


@pytest.mark.parametrize(
    "text,rest",
    [
        ("please don't cancel A100, I only want to know where it is", "A100 I only want to know where it is"),
        ("别取消A100，我只是想看看里面有什么", "A100 我只是想看看里面有什么"),
        ("no need to call anybody, where is my parcel", "where is my parcel"),
        ("don't cancel it", "don't cancel it"),
    ],
)  # fmt: skip
def test_what_is_refused_is_not_classified(text: str, rest: str) -> None:
    assert " ".join(without_refused(text).split()) == rest
    assert is_refused("don't cancel it")
    assert not is_refused("don't cancel it, return it")


def test_a_correction_takes_back_the_sentence_before() -> None:
    assert (
        meant("I'd like to return the lamp. Sorry, I meant the shirt").strip().endswith("the shirt")
    )
    assert "lamp" not in meant("I'd like to return the lamp. Sorry, I meant the shirt")


@pytest.mark.parametrize("text", ["no order, the one in my profile", "不是订单，是账户里的"])
def test_whose_address_is_meant_can_be_corrected(text: str) -> None:
    which, corrected = talk(
        ("ship it somewhere else", "modify_order_address"), (text, "order_status")
    )
    assert which.after.task is not None
    assert which.after.task.asked == "order"
    assert corrected.after.task is not None
    assert (corrected.after.task.name, corrected.after.task.asked) == (
        "modify_customer_address", "address",
    )  # fmt: skip


@pytest.mark.parametrize(
    "text,reason",
    [
        ("the order under way stays as it is", "kept"),
        ("下过的单别动", "kept"),
        ("where is it now?", "order_status"),
    ],
)
def test_what_only_keeps_things_is_no_question_about_an_order(text: str, reason: str) -> None:
    before = Dialogue(said="Your address is changed.")
    step = decided(heard(text, "order_status", before=before))
    assert ("What else" in answer(step)) is (reason == "kept")


@pytest.mark.parametrize(
    "text,changes",
    [
        ("so what I buy goes there from now on, right?", False),
        ("那往后都用新的了，对吗？", False),
        ("so you change it now, right?", True),
    ],
)
def test_who_asks_what_an_address_is_used_for_changes_none(text: str, changes: bool) -> None:
    step = decided(heard(text, "modify_customer_address"))
    assert (step.after.task is not None) is changes


@pytest.mark.parametrize(
    "text",
    ["the lamp from B200, what is the last day to send those back?", "B200的台灯最晚哪天能退？"],
)
def test_who_asks_for_the_last_day_returns_nothing(text: str) -> None:
    step = decided(heard(text, "return_items"))
    assert step.after.task is None
    assert "return" in answer(step)


def test_a_question_that_begins_with_wait_changes_no_value() -> None:
    asked, still = talk(
        ("change the T-shirt of A100 to blue, L", "modify_items"),
        ("wait is this one M", "out_of_scope"),
    )
    assert asked.after.task is not None
    assert still.after.task is not None
    assert still.after.task.new == asked.after.task.new
    assert still.request is None
