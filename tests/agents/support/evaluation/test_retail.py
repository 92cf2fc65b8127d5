"""The scripted user of the benchmark's tasks knows its facts, and agrees to nothing but its wishes."""

import pytest

from agents.shop.catalogue import catalogue
from agents.support.evaluation.replay import shop_of
from agents.support.evaluation.retail_dialogues import begin, customer_of, measured_retail
from agents.support.evaluation.retail_user import RetailUser
from agents.support.evaluation.tau2 import Action, Task, is_installed, retail_data, retail_tasks
from agents.support.models import Decided, Dialogue, Replied
from agents.support.models import Task as Asked

pytestmark = pytest.mark.skipif(not is_installed(), reason="inspect-evals is not installed")
ORDER, KEYBOARD, CLICKY = "W2378156", "1151293680", "7706410293"
TASK = Task(
    "0",
    "You want X. If the agent asks, you'd agree with the agent. Your order.",
    [
        Action("get_order_details", {"order_id": f"#{ORDER}"}),
        Action(
            "exchange_delivered_order_items",
            {
                "order_id": f"#{ORDER}",
                "item_ids": [KEYBOARD],
                "new_item_ids": [CLICKY],
                "payment_method_id": "credit_card_9513926",
            },
        ),
    ],
)
ASKED = Asked(name="exchange_items", order=ORDER, pieces=(KEYBOARD,), new=(CLICKY,))


@pytest.fixture(scope="module")
def user() -> RetailUser:
    shop = shop_of(retail_data())
    return RetailUser(TASK, shop.customers["yusuf_rossi_9620"], shop, catalogue(), 0)


def says(user: RetailUser, task: Asked | None, action: str = "ask") -> str:
    after = Dialogue(task=task)
    return user.next(Decided(action=action, after=after), Replied(text="?", after=after))  # type: ignore[arg-type]


def test_it_states_its_wish_and_agrees_to_it_alone(user: RetailUser) -> None:
    assert user.first() == "I want X. If you ask, I would agree with you. my order."
    assert ORDER in says(user, None)
    assert says(user, ASKED.model_copy(update={"asked": "confirm"})).startswith("yes")
    for other in ({"pieces": ("4983901480",)}, {"new": ("3616838507",)}, {"order": "W6679257"}):
        wrong = ASKED.model_copy(update={"asked": "confirm", **other})
        assert says(user, wrong).startswith("no")
    cancel = Asked(name="cancel_order", order=ORDER, asked="confirm")
    assert says(user, cancel).startswith("no")


def test_it_tells_its_reason_with_a_yes_only_where_it_could_not_tell_it_before() -> None:
    shop = shop_of(retail_data())
    task = next(one for one in retail_tasks() if one.id == "113")
    customer = shop.customers[customer_of(task, retail_data())]
    user = RetailUser(task, customer, shop, catalogue(), 0)
    first, second = (
        Asked(name="cancel_order", order=wish.order, asked="confirm") for wish in user.wishes
    )
    assert says(user, first).endswith("I ordered it by mistake")
    user.wishes[1].stated = 1
    assert "mistake" not in says(user, second)


def test_it_answers_what_is_asked(user: RetailUser) -> None:
    asked = {
        "order": ORDER,
        "pieces": "Mechanical Keyboard",
        "new": "clicky",
        "method": "credit card",
    }
    for slot, fact in asked.items():
        assert fact in says(user, ASKED.model_copy(update={"asked": slot}))


def test_each_task_has_a_customer_and_each_try_words_of_its_own() -> None:
    data = retail_data()
    assert all(customer_of(task, data) in data["users"] for task in retail_tasks())
    shop = begin(tries=4, tasks=[TASK])
    first, *others = [says(one.user, None) for one in shop.played.values()]
    assert len({first, *others}) > 1


def test_a_task_passes_k_times_only_if_all_its_tries_do() -> None:
    shop = begin(tries=2, tasks=retail_tasks()[:2])
    for one in shop.played.values():
        one.same = (one.task.id, one.attempt) != ("1", 1)
    figures = measured_retail(shop)
    assert (figures["retail_pass_1"], figures["retail_pass_2"]) == (0.75, 0.5)
