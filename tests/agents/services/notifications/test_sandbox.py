"""The messenger behind the contract."""

import pytest

from agents.services.http import Body, HttpApi
from tests.agents.services.bare import send

MESSAGE = {"key": "k", "channel": "email", "to": "a@b", "subject": "s", "text": "t"}


@pytest.mark.parametrize("body", [None, {}, {**MESSAGE, "to": None}, {**MESSAGE, "text": 5}])
async def test_a_bad_message_is_refused(api: HttpApi, body: Body | None) -> None:
    assert (await send(api, "POST", "/notifications", body)).status == 400
