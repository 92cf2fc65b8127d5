"""The network to the providers: the sandbox's own endpoints and record behind unreliable connections.

A request arrives even if its caller has died since. It may arrive late or twice, and its response may be
lost. The adapters that handle this are the product's own code.
"""

import asyncio
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextvars import Context
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from urllib.parse import parse_qsl, unquote
from zlib import crc32

import httpx
import orjson
from starlette.routing import compile_path

from agents.runtime.testing import failpoint, run_by
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
from agents.services.sandbox.idempotency import Idempotent, key_of
from agents.services.sandbox.operation import FAULTS_HEADER, Incoming, Operation, Refusal, Reply
from agents.services.systems import operations

ROUTES = [(operation, compile_path(operation.path)[0]) for operation in operations()]
QUICK, LATE = (0.001, 0.05), (0.5, 8.0)
EPOCH = 1_800_000_000.0
# Per order; with the call that a frozen process loses, fewer than the attempts of an agent, so no order
# becomes a dead letter.
MAX_FAULTS = 4
ORDER = re.compile(r"sim-\d+")
MESSAGES = "notifications.send"  # the sandbox does not recognise a duplicated message

# Before the effect, after the effect, and faults of the transport.
FAULTS = (
    *("unreachable", "rate limited", "in flight"),
    *("cut", "no response", "server error", "truncated"),
    *("late", "duplicated"),
)

Response = tuple[int, httpx.Headers, bytes]


@dataclass(frozen=True, slots=True)
class ProviderClock:
    """The clock of the providers, which is right."""

    loop: asyncio.AbstractEventLoop

    def time(self) -> float:
        """Return the virtual time."""
        return EPOCH + self.loop.time()

    def monotonic(self) -> float:
        """Return the clock for durations."""
        return self.loop.time()


class Providers:
    """All providers; their record outlives every process."""

    def __init__(
        self,
        db: sqlite3.Connection,
        rng: Random,
        faults: dict[str, float],
        failing_call: tuple[int, str] | None = None,
    ) -> None:
        self.db, self._failing_call, self._requests = db, failing_call, 0
        self._rng, self._faults = rng, faults
        self._fault_counts: Counter[str] = Counter()
        self.fault_free = False
        self.calls = 0
        self.trace: list[str] = []

    async def send(self, call: Call, path: str, progress: Any) -> Response:
        """Send the request. Raises what httpx raises."""
        loop, rng = asyncio.get_running_loop(), self._rng
        operation, incoming = _incoming(call, path)
        fault = self._fault(operation, incoming)
        if fault == "not sent":
            raise MemoryError
        if fault == "unreachable":
            await asyncio.sleep(rng.uniform(*QUICK))
            raise httpx.ConnectError("unreachable")
        progress.sent = True
        if fault in ("rate limited", "in flight"):
            await asyncio.sleep(rng.uniform(*QUICK))
            status = 429 if fault == "rate limited" else 409
            return _encoded_reply(Reply(status, {}, {"Retry-After": "1"}))
        answer: asyncio.Future[Reply] = loop.create_future()

        def arrive(answer: asyncio.Future[Reply] | None) -> None:
            reply = self._perform(operation, incoming, fault)
            if answer is not None and fault != "no response":
                loop.call_later(rng.uniform(*QUICK), _deliver, answer, reply, context=Context())

        delay = rng.uniform(*(LATE if fault == "late" else QUICK))
        loop.call_later(delay, arrive, answer, context=Context())
        if fault == "duplicated":
            loop.call_later(delay + rng.uniform(*LATE), arrive, None, context=Context())
        return _with_fault(await answer, fault)

    def _perform(self, operation: Operation, incoming: Incoming, fault: str) -> Reply:
        self.calls += 1
        if fault == "server error" and isinstance(operation.work, Idempotent):
            incoming = _failing(operation, incoming)
        try:
            with run_by(ProviderClock(asyncio.get_running_loop())):
                reply, _ = perform(self.db, operation, incoming)
        except Refusal as refusal:
            reply = refusal.reply
        key = incoming.headers.get("idempotency-key") or incoming.path.get("key", "")
        self.trace.append(
            f"{asyncio.get_running_loop().time():9.3f} {operation.name} {key}"
            f" -> {reply.status} {fault}".rstrip()
        )
        return reply

    def _fault(self, operation: Operation, incoming: Incoming) -> str:
        self._requests += 1
        if self._failing_call is not None and self._requests == self._failing_call[0]:
            return self._failing_call[1]
        if self.fault_free:
            return ""
        found = ORDER.search(":".join(operation.subject(self.db, incoming)))
        # A list names no order, so it counts for the one that has had the most faults.
        counts = self._fault_counts
        order = found.group() if found else max(counts, key=counts.__getitem__, default="")
        for kind, share in self._faults.items():
            # A failure that is stored under its key takes another attempt, which finds that out.
            attempts = 2 if kind == "server error" else 1
            if counts[order] + attempts > MAX_FAULTS:
                continue
            if self._rng.random() < share and _is_possible(operation.name, kind):
                counts[order] += attempts
                return kind
        return ""


class SimulatedApi(HttpApi):
    """The HTTP client that all adapters share, with the simulated network below it."""

    def __init__(self, service: str, path: str, providers: Providers) -> None:
        super().__init__(service, path, deadlines=SANDBOX_DEADLINES)
        self._providers = providers

    async def _send(self, call: Call, progress: Any) -> Response:
        failpoint("request")
        response = await self._providers.send(call, self.url + call.path, progress)
        failpoint("response")
        return response


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


def _is_possible(operation: str, kind: str) -> bool:
    """Whether the fault can happen: only Stripe returns 409, and only the network duplicates a message."""
    if kind == "in flight":
        return operation.startswith("payments.") and "find" not in operation
    return not (operation == MESSAGES and kind == "duplicated")


def _deliver(answer: "asyncio.Future[Reply]", reply: Reply) -> None:
    if not answer.done():  # otherwise the caller no longer waits
        answer.set_result(reply)


def _with_fault(reply: Reply, fault: str) -> Response:
    if fault == "cut":
        raise httpx.ReadError("cut")
    status, headers, content = _encoded_reply(reply)
    if fault == "server error" and status < 500:
        return 500, headers, b"{}"
    return status, headers, content[: len(content) // 2] if fault == "truncated" else content


def _failing(operation: Operation, incoming: Incoming) -> Incoming:
    """The call with a failure that is stored under its key; the key decides whether the work is done."""
    kind = "error" if crc32(key_of(incoming).encode()) % 2 else "failure"
    script = {FAULTS_HEADER: f"{operation.name}:{kind}=1"}
    return replace(incoming, headers={**incoming.headers, **script})


def _encoded_reply(reply: Reply) -> Response:
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
