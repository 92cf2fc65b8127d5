"""Which messenger sends a message: the mail server, the shop's own chats, or the sandbox."""

from dataclasses import dataclass

from agents.runtime.errors import TransientError
from agents.services.connections import Connections
from agents.services.notifications.http_api import HttpNotifications
from agents.services.notifications.protocol import EMAIL, Message, Notifications


@dataclass(frozen=True, slots=True)
class Channels:
    """One messenger for e-mail and one for all other channels; None where the settings name none."""

    mail: Notifications | None
    chats: Notifications | None

    async def send(self, key: str, message: Message) -> None:
        """Send it. Raises what its messenger raises; TransientError if there is none."""
        is_mail = message.channel == EMAIL
        messenger = self.mail if is_mail else self.chats
        if messenger is None:
            # The settings are at fault, not the message: it waits until they are complete.
            setting = "AGENT_FLOWS_MAIL" if is_mail else "AGENT_FLOWS_NOTIFICATION_URLS"
            raise TransientError(f"no messenger for the channel {message.channel!r}: set {setting}")
        await messenger.send(key, message)


def connect(here: Connections) -> Notifications:
    """The messengers that the settings name; the sandbox's if they name none."""
    mail, chats = here.settings.mail, here.settings.notification_urls
    if mail is None and not chats:
        return HttpNotifications(here.api("notifications", ""))
    messengers = Channels(None, None)
    # Late imports: Apprise alone takes half a second, and the sandbox does without.
    if mail is not None:
        from agents.services.notifications.smtp import SmtpNotifications  # noqa: PLC0415

        server = SmtpNotifications(mail)
        here.stack.push_async_exit(server)
        messengers = Channels(server, None)
    if chats:
        from agents.services.notifications.apprise import AppriseNotifications  # noqa: PLC0415

        opened = here.stack.enter_context(AppriseNotifications(chats))
        messengers = Channels(messengers.mail, opened)
    return messengers
