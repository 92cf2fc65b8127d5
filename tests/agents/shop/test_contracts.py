"""The contracts are kept by the scenario that they name, and every message of theirs is JSON."""

from agents.orders.answers import ANSWERS
from agents.orders.scenario import CHANGES
from agents.runtime.messaging import RequestReply
from agents.shop import contracts
from agents.shop.accounts import OrderAccount, PostalAddress
from agents.shop.contracts import ACCOUNT, CHANGE_ENDED, AccountView, ChangeCommand, OrderView
from agents.shop.requests import Cancel
from tests.agents.support.dialogue.shop import CUSTOMER, order


def test_order_processing_answers_every_question() -> None:
    asked = [c for c in vars(contracts).values() if isinstance(c, RequestReply)]
    assert {c.question.name for c in asked} == {one.topic.name for one in ANSWERS}
    assert CHANGE_ENDED.name == f"{CHANGES.name}.ended"


def test_an_account_comes_back_as_it_was_sent() -> None:
    view = AccountView(customer=CUSTOMER, orders={"A100": order("A100", "delivered")})
    text = ACCOUNT.answer.encode(view)
    assert ACCOUNT.answer.decode(text, ACCOUNT.answer.version) == view
    assert view.orders["A100"].refuses["cancel"] == "not-pending"


def test_a_field_that_a_newer_release_adds_is_left_out() -> None:
    command = ChangeCommand(by="u", turn="a#000001", request=Cancel(order="A100"))
    newer = command.model_dump_json().replace("{", '{"urgent":true,', 1)
    assert contracts.CHANGE.question.decode(newer, "1.9") == command


def test_an_order_of_an_earlier_release_refuses_nothing() -> None:
    address = PostalAddress(line1="1 Elm St", city="Reno", postal_code="89501", country="US")
    account = OrderAccount(order="A", customer="u", status="pending", address=address, pieces=())
    assert OrderView.model_validate_json(account.model_dump_json()).refuses == {}
