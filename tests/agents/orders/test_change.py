"""What can be done once to an order has one key, whatever the turn that requests it."""

from agents.orders.change import MOST_ADDRESSES, Change, address_keys, change_keys
from agents.shop.requests import Cancel, ModifyCustomerAddress, Return
from tests.agents.support.dialogue.shop import HOME


def test_the_key_names_the_order_and_what_is_done_once() -> None:
    def key(request: object, turn: str = "a#000001", number: int = 1) -> str:
        return Change.model_validate(
            {"by": "u", "turn": turn, "request": request, "number": number}
        ).key

    assert key(Cancel(order="A100")) == key(Cancel(order="A100"), "b#000009") == "A100:cancel"
    back = Return(order="A100", pieces=("1",), method="card")
    assert key(back) == "A100:after-sales"
    assert key(ModifyCustomerAddress(address=HOME), number=3) == "u:address:3"


def test_the_keys_that_an_account_depends_on() -> None:
    assert change_keys("A100") == ("A100:items", "A100:after-sales")
    keys = address_keys("u")
    assert (keys[0], len(keys)) == ("u:address:1", MOST_ADDRESSES)


def test_a_stored_change_has_the_form_that_earlier_releases_compare_by() -> None:
    change = Change(by="u", turn="a#000001", request=Cancel(order="A100"))
    assert change.model_dump_json() == (
        '{"by":"u","turn":"a#000001","request":{"kind":"cancel","order":"A100",'
        '"reason":"no longer needed"},"number":1}'
    )
