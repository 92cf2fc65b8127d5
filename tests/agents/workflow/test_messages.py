"""The ready-made notification agent sends what a scenario has written, under the scenario's own name."""

from dataclasses import dataclass, field

import pytest

from agents.runtime import AT_MOST_ONCE, EffectKey, Notice
from agents.services.notifications.protocol import Message
from agents.workflow.messages import notice, notification_agent

LETTER = Message("email", "ann@example.com", "Hello", "Dear Ann")


@dataclass
class Mailbox:
    """Keeps what it is given."""

    letters: list[tuple[str, Message]] = field(default_factory=list)

    async def send(self, key: str, message: Message) -> None:
        self.letters.append((key, message))


def test_the_agent_has_the_name_it_was_given() -> None:
    tell = notification_agent("tell_somebody")
    assert tell.name == "tell_somebody"
    assert tell.outbox
    assert tell.settle is AT_MOST_ONCE
    assert tell.policy.limit == "notifications"


async def test_the_message_goes_out_as_it_was_written() -> None:
    mailbox, written = Mailbox(), notice("order.shipped", LETTER)
    assert (written.topic, written.channel) == ("order.shipped", "email")
    await notification_agent("tell").function("any item", written, EffectKey("k"), mailbox)
    assert mailbox.letters == [("k", LETTER)]


async def test_a_notice_that_is_no_message_is_not_sent() -> None:
    mailbox = Mailbox()
    with pytest.raises(TypeError):
        await notification_agent("tell").function(
            None, Notice("order.shipped", "email", "{}"), EffectKey("k"), mailbox
        )
    assert mailbox.letters == []
