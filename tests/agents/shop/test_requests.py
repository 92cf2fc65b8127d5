"""A request has everything it needs, and nothing else."""

import pytest
from pydantic import ValidationError

from agents.shop.requests import REQUESTS


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "refund_all"},
        {"kind": "cancel", "order": "A 100"},
        {"kind": "cancel", "order": "A100", "reason": "because"},
        {"kind": "return", "order": "A100", "pieces": [], "method": "card"},
        {"kind": "cancel", "order": "A100", "by": "somebody else"},
    ],
)
def test_anything_else_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        REQUESTS.validate_python(body)
