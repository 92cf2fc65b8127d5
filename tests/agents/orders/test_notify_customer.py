"""What stands in the outbox reaches the customer as it was written, under its own key."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agents.orders.models import Order
from agents.orders.notify_customer import notify_customer
from agents.runtime.execution.agent import EffectKey
from agents.runtime.model.item import Notice
from agents.runtime.model.policies import AT_MOST_ONCE
from agents.services.notifications.protocol import Notifications

BODY = '{"channel":"email","to":"ann@example.com","subject":"Hello","text":"Dear Ann"}'


async def test_the_message_goes_out_as_it_was_written(
    notifications: Notifications, providers: Path, order: Order, key: str
) -> None:
    await notify_customer.function(
        order, Notice("order.shipped", "email", BODY), EffectKey(key), notifications
    )

    with closing(sqlite3.connect(providers / "sandbox.db")) as db:
        sent = db.execute(
            "SELECT channel, receiver, subject, text FROM notifications WHERE key = ?", (key,)
        ).fetchall()
    assert sent == [("email", "ann@example.com", "Hello", "Dear Ann")]


async def test_a_notice_that_is_no_message_is_not_sent(
    notifications: Notifications, order: Order, key: str
) -> None:
    with pytest.raises(TypeError):
        await notify_customer.function(
            order, Notice("order.shipped", "email", "{}"), EffectKey(key), notifications
        )


def test_an_unknown_outcome_counts_as_sent() -> None:
    assert notify_customer.settle is AT_MOST_ONCE
    assert notify_customer.outbox
