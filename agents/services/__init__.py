"""Everything outside the process: `connect_services` is the only wiring, agents ask `services()`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from agents.runtime.errors import AgentError
from agents.runtime.settings import Settings
from agents.services.carriers.http_api import HttpCarrier
from agents.services.carriers.protocol import Carrier
from agents.services.http import Deadlines, HttpApi
from agents.services.inventory.http_api import HttpInventory
from agents.services.inventory.protocol import Inventory
from agents.services.notifications.protocol import Notifications
from agents.services.notifications.sandbox import SandboxNotifications
from agents.services.payments.protocol import Payments
from agents.services.payments.stripe import HEADERS as STRIPE_HEADERS
from agents.services.payments.stripe import StripePayments
from agents.services.sandbox.address import SandboxAddress
from agents.services.sandbox.faults import HEADER, parse_faults
from agents.services.sandbox.process import ensure_sandbox, keep_sandbox

SANDBOX_CARRIERS = ("swift", "bulky")
SANDBOX_DEADLINES = Deadlines(connect=1.0, read=2.0, total=2.0)


class NotConnected(AgentError):
    """An agent asked for services outside `connect_services`."""

    def __str__(self) -> str:
        return "no services: run this inside `async with connect_services(settings):`"


@dataclass(frozen=True, slots=True)
class Services:
    """Everything outside the process that agents talk to; `carriers` in the order of preference."""

    inventory: Inventory
    payments: Payments
    carriers: tuple[Carrier, ...]
    notifications: Notifications


_connected: ContextVar[Services | None] = ContextVar("services", default=None)


def services() -> Services:
    """The services of this block. Raises NotConnected."""
    connected = _connected.get()
    if connected is None:
        raise NotConnected
    return connected


@asynccontextmanager
async def connect_services(
    settings: Settings, faults: str = "", stock: Path | None = None
) -> AsyncIterator[Services]:
    """Connect what the settings name, and the sandbox in place of what they do not.

    `faults` is a script and `stock` a file of goods for the sandbox.
    Raises BadFaultScript, BadStock, SandboxError.
    """
    parse_faults(faults)
    async with AsyncExitStack() as stack:
        sandbox = await _sandbox(settings, faults, stock, stack)
        connected = await _connect(settings, sandbox, stack)
        before = _connected.get()
        _connected.set(connected)
        try:
            yield connected
        finally:
            _connected.set(before)


class _Sandbox:
    """The running sandbox, and the clients that have to follow it."""

    def __init__(self, address: SandboxAddress, faults: str) -> None:
        self._address = address
        self._headers = {**_bearer(address.token), **STRIPE_HEADERS}
        if faults:
            self._headers[HEADER] = faults
        self._apis: dict[HttpApi, str] = {}

    def api(self, service: str, path: str = "") -> HttpApi:
        """A client of the part of the sandbox under `path`."""
        api = HttpApi(service, self._address.url + path, self._headers, SANDBOX_DEADLINES)
        self._apis[api] = path
        return api

    def moved(self, address: SandboxAddress) -> None:
        """Send all clients to where it is now."""
        for api, path in self._apis.items():
            api.url = address.url + path


async def _sandbox(
    settings: Settings, faults: str, stock: Path | None, stack: AsyncExitStack
) -> _Sandbox | None:
    if (
        settings.inventory_url
        and settings.stripe_key
        and settings.carriers
        and settings.notification_urls
    ):
        return None
    sandbox = _Sandbox(await asyncio.to_thread(ensure_sandbox, settings.data, stock), faults)
    watch = asyncio.create_task(keep_sandbox(settings.data, sandbox.moved))
    stack.push_async_callback(_ended, watch)
    return sandbox


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _connect(settings: Settings, sandbox: _Sandbox | None, stack: AsyncExitStack) -> Services:
    async def opened(api: HttpApi) -> HttpApi:
        return await stack.enter_async_context(api)

    return Services(
        HttpInventory(await opened(_inventory(settings, sandbox))),
        StripePayments(await opened(_payments(settings, sandbox))),
        tuple([HttpCarrier(name, await opened(api)) for name, api in _carriers(settings, sandbox)]),
        await _notifications(settings, sandbox, stack),
    )


def _inventory(settings: Settings, sandbox: _Sandbox | None) -> HttpApi:
    if settings.inventory_url is None:
        assert sandbox is not None
        return sandbox.api("inventory", "/inventory")
    token = settings.inventory_token.get_secret_value()
    return HttpApi("inventory", str(settings.inventory_url), _bearer(token))


def _payments(settings: Settings, sandbox: _Sandbox | None) -> HttpApi:
    if settings.stripe_key is None:
        assert sandbox is not None
        return sandbox.api("payments")
    headers = {**_bearer(settings.stripe_key.get_secret_value()), **STRIPE_HEADERS}
    return HttpApi("payments", str(settings.stripe_url), headers)


def _carriers(settings: Settings, sandbox: _Sandbox | None) -> list[tuple[str, HttpApi]]:
    if not settings.carriers:
        assert sandbox is not None
        return [(name, sandbox.api(name, f"/carriers/{name}")) for name in SANDBOX_CARRIERS]
    return [
        (c.name, HttpApi(c.name, str(c.url), _bearer(c.token.get_secret_value())))
        for c in settings.carriers
    ]


async def _notifications(
    settings: Settings, sandbox: _Sandbox | None, stack: AsyncExitStack
) -> Notifications:
    if not settings.notification_urls:
        assert sandbox is not None
        return SandboxNotifications(await stack.enter_async_context(sandbox.api("notifications")))
    # Its import alone takes half a second, and the sandbox does without.
    from agents.services.notifications.apprise import AppriseNotifications  # noqa: PLC0415

    return stack.enter_context(AppriseNotifications(settings.notification_urls))


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
