"""Messages to the shop's own chats and webhooks through Apprise, which has URLs for a hundred messengers.

A URL is the operator's alone: no address of a customer becomes a part of it.
"""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

import apprise
from apprise.plugins.custom_form import NotifyForm
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.custom_xml import NotifyXML
from pydantic import SecretStr

from agents.runtime.errors import TransientError, UnknownOutcome
from agents.services.http import Deadlines
from agents.services.notifications.protocol import Message

MOST_THREADS = 16
DEADLINES = Deadlines()
# The plugins whose host is the server itself; those of a messenger's API hold a token there.
_REACHABLE = (NotifyForm, NotifyJSON, NotifyXML)


class AppriseNotifications:
    """Sends every message to the first of the URLs that Apprise understands.

    Apprise blocks, so it runs in threads of its own. It only says whether all went well: a failure that
    may have come after the message was sent is an UnknownOutcome.
    """

    def __init__(self, urls: Sequence[SecretStr], deadlines: Deadlines = DEADLINES) -> None:
        self._urls, self._deadlines = tuple(urls), deadlines
        self._threads = ThreadPoolExecutor(MOST_THREADS, "notifications")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A thread that hangs ends by the time limit of its socket.
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(self, key: str, message: Message) -> None:
        """Send it. Raises TransientError if it certainly did not go out, UnknownOutcome."""
        del key  # no messenger has a field for it
        plugin = self._plugin()
        work: Future[bool] = self._threads.submit(self._send, plugin, message)
        try:
            async with asyncio.timeout(self._deadlines.total):
                sent = await asyncio.wrap_future(work)
        except TimeoutError:
            if work.cancelled():
                raise TransientError("notifications send: no thread was free in time") from None
            raise UnknownOutcome(
                f"notifications send: no answer within {self._deadlines.total} s"
            ) from None
        if not sent:
            raise UnknownOutcome("notifications send: the messenger reports a failure")

    def _plugin(self) -> apprise.NotifyBase:
        for url in self._urls:
            # Apprise reads these options from the URL: a retry of its own would send twice.
            plugin = apprise.Apprise.instantiate(url.get_secret_value())
            if isinstance(plugin, apprise.NotifyBase):
                plugin.retry, plugin.optional = 0, False
                plugin.socket_connect_timeout = self._deadlines.connect
                plugin.socket_read_timeout = self._deadlines.read
                return plugin
        raise TransientError("Apprise understands none of AGENT_FLOWS_NOTIFICATION_URLS")

    def _send(self, plugin: apprise.NotifyBase, message: Message) -> bool:
        self._reach(plugin)
        messenger = apprise.Apprise()
        messenger.add(plugin)
        text = apprise.NotifyFormat.TEXT.value
        return bool(messenger.notify(message.text, message.subject, body_format=text))

    def _reach(self, plugin: apprise.NotifyBase) -> None:
        """Raise TransientError if there is no connection: then certainly nothing was sent."""
        if not isinstance(plugin, _REACHABLE):
            return
        port = plugin.port or (443 if plugin.secure else 80)
        try:
            socket.create_connection((plugin.host, port), self._deadlines.connect).close()
        except OSError as error:
            name = type(error).__name__
            raise TransientError(f"notifications send: no connection ({name})") from None
