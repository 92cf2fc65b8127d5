"""What can be done once has one name, whoever asks for it."""

import pytest
from pydantic import ValidationError

from agents.shop.requests import REQUESTS, Cancel, Change, ModifyCustomerAddress, Return
from tests.agents.support.dialogue.shop import HOME


def test_a_change_is_named_after_what_it_does_to_what() -> None:
    def key(request: object, turn: str = "a#000001", number: int = 1) -> str:
        return Change.model_validate(
            {"by": "u", "turn": turn, "request": request, "number": number}
        ).key

    assert key(Cancel(order="A100")) == key(Cancel(order="A100"), "b#000009") == "A100:cancel"
    back = Return(order="A100", pieces=("1",), method="card")
    assert key(back) == "A100:after-sales"
    assert key(ModifyCustomerAddress(address=HOME), number=3) == "u:address:3"


@pytest.mark.parametrize(
    "told",
    [
        {"kind": "refund_all"},
        {"kind": "cancel", "order": "A 100"},
        {"kind": "cancel", "order": "A100", "reason": "because"},
        {"kind": "return", "order": "A100", "pieces": [], "method": "card"},
        {"kind": "cancel", "order": "A100", "by": "somebody else"},
    ],
)
def test_what_is_no_request_is_refused(told: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        REQUESTS.validate_python(told)
