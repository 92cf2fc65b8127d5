"""The way to the providers and back: the sandbox's own desk and record, and a network that lies.

A call is on its way as soon as it is made: it arrives even if its caller is dead by then, late or
twice, and the answer may be lost. What the adapters make of that is their own code.
"""

import asyncio
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextvars import Context
from random import Random
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx
import orjson
from starlette.routing import compile_path

from agents.runtime.testing import failpoint
from agents.services import Services
from agents.services.carriers.http_api import SANDBOX_CARRIERS, HttpCarrier
from agents.services.carriers.protocol import Carriers
from agents.services.connections import SANDBOX_DEADLINES
from agents.services.http import Call, HttpApi, _encoded
from agents.services.inventory.http_api import HttpInventory
from agents.services.inventory.protocol import Inventory
from agents.services.notifications.http_api import HttpNotifications
from agents.services.notifications.protocol import Notifications
from agents.services.payments.protocol import Payments
from agents.services.payments.stripe import StripePayments
from agents.services.sandbox.endpoint import perform
from agents.services.sandbox.operation import Incoming, Operation, Refusal, Reply
from agents.services.systems import operations

ROUTES = [(operation, compile_path(operation.path)[0]) for operation in operations()]
QUICK, LATE = (0.001, 0.05), (0.5, 8.0)
MOST_FAULTS = 4  # for one order, fewer than an agent has attempts: nothing may die of them
ORDER = re.compile(r"sim-\d+")
MESSAGES = "notifications.send"  # the sandbox's messenger cannot tell doubles apart

BEFORE = ("unreachable", "slow down", "in flight")
AFTER = ("cut", "silent", "broken", "half")
LAGGING = ("late", "twice")
FAULTS = (*BEFORE, *AFTER, *LAGGING)

Sent = tuple[int, httpx.Headers, bytes]


class Providers:
    """All of them, with one durable record that outlives every process."""

    def __init__(
        self,
        db: sqlite3.Connection,
        rng: Random,
        faults: dict[str, float],
        broken: tuple[int, str] | None = None,
    ) -> None:
        self.db, self._broken, self._asked = db, broken, 0
        self._rng, self._faults = rng, faults
        self._met: Counter[str] = Counter()
        self.calm = False
        self.calls = 0
        self.told: list[str] = []

    async def ask(self, call: Call, path: str, sent: Any) -> Sent:
        """Make the call; raises what httpx raises."""
        loop, rng = asyncio.get_running_loop(), self._rng
        operation, incoming = _incoming(call, path)
        fault = self._fault(operation, incoming)
        if fault == "forgotten":
            raise MemoryError
        if fault == "unreachable":
            await asyncio.sleep(rng.uniform(*QUICK))
            raise httpx.ConnectError("unreachable")
        sent.sent = True
        if fault in ("slow down", "in flight"):
            await asyncio.sleep(rng.uniform(*QUICK))
            return _sent(Reply(429 if fault == "slow down" else 409, {}, {"Retry-After": "1"}))
        answer: asyncio.Future[Reply] = loop.create_future()

        def arrive(answer: asyncio.Future[Reply] | None) -> None:
            reply = self._do(operation, incoming, fault)
            if answer is not None and fault != "silent":
                loop.call_later(rng.uniform(*QUICK), _deliver, answer, reply, context=Context())

        delay = rng.uniform(*(LATE if fault == "late" else QUICK))
        loop.call_later(delay, arrive, answer, context=Context())
        if fault == "twice":
            loop.call_later(delay + rng.uniform(*LATE), arrive, None, context=Context())
        return _disturbed(await answer, fault)

    def _do(self, operation: Operation, incoming: Incoming, fault: str) -> Reply:
        self.calls += 1
        try:
            reply, _ = perform(self.db, operation, incoming)
        except Refusal as refusal:
            reply = refusal.reply
        about = incoming.headers.get("idempotency-key") or incoming.path.get("key", "")
        self.told.append(
            f"{asyncio.get_running_loop().time():9.3f} {operation.name} {about}"
            f" -> {reply.status} {fault}".rstrip()
        )
        return reply

    def _fault(self, operation: Operation, incoming: Incoming) -> str:
        self._asked += 1
        if self._broken is not None and self._asked == self._broken[0]:
            return self._broken[1]
        if self.calm:
            return ""
        about = ORDER.search(":".join(operation.subject(self.db, incoming)))
        order = about.group() if about else ""
        if self._met[order] >= MOST_FAULTS:
            return ""
        for kind, share in self._faults.items():
            if self._rng.random() < share and _may(operation.name, kind):
                self._met[order] += 1
                return kind
        return ""


class SimulatedApi(HttpApi):
    """The shared client with all it makes of answers and silence; only the wire is another."""

    def __init__(self, service: str, path: str, providers: Providers) -> None:
        super().__init__(service, path, deadlines=SANDBOX_DEADLINES)
        self._providers = providers

    async def _send(self, call: Call, progress: Any) -> Sent:
        failpoint("request")
        answer = await self._providers.ask(call, self.url + call.path, progress)
        failpoint("response")
        return answer


def services_of(providers: Providers) -> Services:
    """The adapters of a process."""
    carriers = Carriers(
        HttpCarrier(name, SimulatedApi(name, f"/carriers/{name}", providers))
        for name in SANDBOX_CARRIERS
    )
    return Services(
        {
            Inventory: HttpInventory(SimulatedApi("inventory", "/inventory", providers)),
            Payments: StripePayments(SimulatedApi("payments", "", providers)),
            Carriers: carriers,
            Notifications: HttpNotifications(SimulatedApi("notifications", "", providers)),
        }
    )


def _may(operation: str, kind: str) -> bool:
    """No provider answers 409 but Stripe; a double message is the network's, not ours."""
    if kind == "in flight":
        return operation.startswith("payments.") and "find" not in operation
    return not (operation == MESSAGES and kind == "twice")


def _deliver(answer: "asyncio.Future[Reply]", reply: Reply) -> None:
    if not answer.done():  # else its caller has given up
        answer.set_result(reply)


def _disturbed(reply: Reply, fault: str) -> Sent:
    if fault == "cut":
        raise httpx.ReadError("cut")
    status, headers, content = _sent(reply)
    if fault == "broken":
        return 500, headers, b"{}"
    return status, headers, content[: len(content) // 2] if fault == "half" else content


def _sent(reply: Reply) -> Sent:
    return reply.status, httpx.Headers(dict(reply.headers or {})), orjson.dumps(reply.body)


def _incoming(call: Call, path: str) -> tuple[Operation, Incoming]:
    where, _, query = path.partition("?")
    content, _ = _encoded(call)
    headers = {"idempotency-key": call.key} if call.key else {}
    for operation, found in _matching(call.method, unquote(where)):
        return operation, Incoming(
            call.method, unquote(where), found, dict(parse_qsl(query)), headers, content or b""
        )
    raise AssertionError(f"the sandbox has no {call.method} {where}")


def _matching(method: str, path: str) -> Iterator[tuple[Operation, dict[str, str]]]:
    for operation, pattern in ROUTES:
        if operation.method == method and (found := pattern.match(path)):
            yield operation, found.groupdict()
