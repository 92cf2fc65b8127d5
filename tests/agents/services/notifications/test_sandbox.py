"""The messenger behind the contract."""

import pytest

from agents.services.http import Body, HttpApi
from tests.agents.services.bare import send

MESSAGE = {"key": "k", "channel": "email", "to": "a@b", "subject": "s", "text": "t"}


@pytest.mark.parametrize("body", [None, {}, {**MESSAGE, "to": None}, {**MESSAGE, "text": 5}])
async def test_a_bad_message_is_refused(api: HttpApi, body: Body | None) -> None:
    assert (await send(api, "POST", "/notifications", body)).status == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": "Ann <ann@example.com>"},
        {"to": "a@b, c@d"},
        {"to": "a..b@example.com"},
        {"to": "jörg@example.com"},
        {"to": "ann@bücher.example"},
        {"subject": "a\r\nBcc: eve@example.com"},
        {"subject": "a\u2028b"},
        {"subject": "a" * 2_001},
        {"text": " \n"},
    ],
)
async def test_what_a_mail_service_refuses_is_refused(api: HttpApi, wrong: Body) -> None:
    assert (await send(api, "POST", "/notifications", {**MESSAGE, **wrong})).status == 422


async def test_another_channel_has_no_address(api: HttpApi) -> None:
    other = {**MESSAGE, "channel": "webhook", "to": "orders"}
    assert (await send(api, "POST", "/notifications", other)).status == 202
