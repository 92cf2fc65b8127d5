"""Messages that are not sent: they are listed without names, sent again by a person, and never twice."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agents.runtime.journal.notices import NotResendable
from agents.runtime.journal.operator_actions import UnknownItem
from agents.runtime.settings import PREFIX, settings
from flows.operations.messages import resend_messages, unsettled_messages
from flows.operations.recovery import recover
from tests.agents.services.notifications.mail_server import SENDER, Mailbox, mail_server
from tests.flows.shop import Shop

BLOCKED = "notifications.send:refuse=1"
LOST = "notifications.send:lost=1"
AWAY = "notifications.send:outage=1"


async def sent(shop: Shop) -> int:
    sql = "SELECT count(*) FROM notifications WHERE key LIKE ?"
    return int(shop.ask(sql, f"%{shop.name}%")[0][0])


async def resend(key: str, **more: str) -> str:
    return (await resend_messages.fn(key, by="ann", reason="server is back", **more)).title


async def test_a_refused_message_is_listed_and_sent_again_once(shop: Shop) -> None:
    key = shop.order_id(1)
    report = await shop.process([shop.order(1)], faults=BLOCKED)
    assert (report.outcomes["shipped"], report.messages) == (1, {"failed": 1})
    (row,) = (await unsettled_messages.fn()).table
    assert (row["item"], row["message"], row["status"]) == (key, "order.shipped", "failed")
    assert row["to"] == "[redacted]@example.com"
    assert "inactive_recipient" in row["reason"]
    assert (row["attempts"], row["age"].endswith("s")) == ("1", True)

    assert await resend(key) == f"orders {key}: 1 sent"
    assert (await unsettled_messages.fn()).table == []
    with pytest.raises(NotResendable, match=r"order\.shipped is sent"):
        await resend(key)
    assert await sent(shop) == 1
    (item,) = (await shop.journal()).items.values()
    *_, last = (await shop.journal()).history[item["id"]]
    detail = {"by": "ann", "reason": "server is back", "messages": ["order.shipped"]}
    assert (last["event"], json.loads(last["detail"])) == ("resend", detail)


async def test_an_unknown_message_is_listed_and_not_repeated_by_recovery(shop: Shop) -> None:
    report = await shop.process([shop.order(1)], faults=LOST)
    assert report.messages == {"unknown": 1}
    await recover.fn()
    (row,) = (await unsettled_messages.fn()).table
    assert (row["status"], await sent(shop)) == ("unknown", 0)
    with pytest.raises(NotResendable):
        await resend(shop.order_id(1), topic="order.refunded")
    assert await resend(shop.order_id(1), topic="order.shipped") == f"orders {row['item']}: 1 sent"


async def test_what_has_no_messages_is_not_sent_again(shop: Shop) -> None:
    await shop.process([shop.order(1, price=700_000)])
    with pytest.raises(NotResendable, match="none"):
        await resend(shop.order_id(1))
    with pytest.raises(UnknownItem):
        await resend("nothing")


@pytest.fixture
async def smtp(unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The port of a mail server that is not there yet; the settings name it."""
    mail = {"url": f"smtp+plain://127.0.0.1:{unused_tcp_port}", "sender": SENDER}
    monkeypatch.setenv(f"{PREFIX}MAIL", json.dumps(mail))
    settings.cache_clear()
    yield unused_tcp_port
    settings.cache_clear()


@asynccontextmanager
async def later(seconds: float, box: Mailbox, port: int) -> AsyncIterator[None]:
    """The mail server begins to serve after some seconds."""

    async def serve() -> None:
        await asyncio.sleep(seconds)
        async with mail_server(box, port):
            await asyncio.Event().wait()

    serving = asyncio.create_task(serve())
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_an_outage_of_the_mail_server_loses_no_message(shop: Shop, smtp: int) -> None:
    box = Mailbox()
    async with later(2.0, box, smtp):
        report = await shop.process(shop.orders(40))
        assert (report.outcomes["shipped"], report.messages) == (40, {"sent": 40})
    assert sorted(box.recipients) == sorted(f"ann{n}@example.com" for n in range(40))


@pytest.mark.campaign
async def test_a_longer_outage_is_outlasted_by_recovery(
    shop: Shop, smtp: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.runtime.intake.intake.NOTICE_WAITS", ())
    report = await shop.process(shop.orders(40))
    assert (report.outcomes["shipped"], report.messages) == (40, {"unsent": 40})
    assert {row["status"] for row in (await unsettled_messages.fn()).table} == {"waiting"}
    box = Mailbox()
    async with mail_server(box, smtp):
        while (await unsettled_messages.fn()).table:
            await recover.fn()
            await asyncio.sleep(0.2)
    assert sorted(box.recipients) == sorted(f"ann{n}@example.com" for n in range(40))
