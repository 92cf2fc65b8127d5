"""Clients of outside systems for one block: of the real ones that the settings name, else of the sandbox."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from pydantic import AnyHttpUrl, SecretStr

from agents.runtime.errors import TransientError
from agents.runtime.settings import Settings
from agents.services.http import Answer, Call, Deadlines, HttpApi
from agents.services.sandbox.address import SandboxAddress
from agents.services.sandbox.operation import FAULTS_HEADER
from agents.services.sandbox.process import SandboxError, ensure_sandbox, keep_sandbox

SANDBOX_DEADLINES = Deadlines(connect=1.0, read=2.0, total=2.0)
NO_TOKEN = SecretStr("")


class Sandbox:
    """The sandbox of a data folder, started when it is first needed and kept alive from then on.

    `stock` is a file of goods to add to its shelves, `faults` a script for every call of this block.
    """

    def __init__(self, data: Path, stock: Path | None, faults: str, stack: AsyncExitStack) -> None:
        self.faults = faults
        self._data, self._stock, self._stack = data, stock, stack
        self._address: SandboxAddress | None = None
        self._starting = asyncio.Lock()

    async def address(self) -> SandboxAddress:
        """Where it answers now. Raises DidNotStart, SandboxError, BadStock."""
        if self._address is None:
            async with self._starting:
                if self._address is None:
                    self._address = await asyncio.to_thread(ensure_sandbox, self._data, self._stock)
                    watch = asyncio.create_task(keep_sandbox(self._data, self._moved))
                    self._stack.push_async_callback(_stopped, watch)
        return self._address

    def _moved(self, address: SandboxAddress) -> None:
        self._address = address


class SandboxApi(HttpApi):
    """A client of the part of the sandbox under `path`, wherever the sandbox answers."""

    def __init__(
        self, system: str, sandbox: Sandbox, path: str, headers: Mapping[str, str]
    ) -> None:
        script = {FAULTS_HEADER: sandbox.faults} if sandbox.faults else {}
        super().__init__(system, "", {**headers, **script}, SANDBOX_DEADLINES)
        self._sandbox, self._path = sandbox, path

    async def call(self, call: Call) -> Answer:
        """Make the call once. Raises TransientError, UnknownOutcome, and DidNotStart of the sandbox."""
        try:
            address = await self._sandbox.address()
        except SandboxError as error:
            raise TransientError(str(error)) from error
        self.url = address.url + self._path
        self._headers |= bearer(address.token)
        return await super().call(call)


class Connections:
    """Makes the clients of one block; they are closed when it ends.

    `uses_sandbox` says whether one of them is a client of the sandbox.
    """

    def __init__(self, settings: Settings, sandbox: Sandbox, stack: AsyncExitStack) -> None:
        self.settings, self.sandbox, self.stack = settings, sandbox, stack
        self.uses_sandbox = False

    def api(
        self,
        system: str,
        path: str,
        url: AnyHttpUrl | None = None,
        token: SecretStr = NO_TOKEN,
        headers: Mapping[str, str] | None = None,
    ) -> HttpApi:
        """A client of the system at `url`; without one, of the part of the sandbox under `path`."""
        if url is None:
            self.uses_sandbox = True
            api: HttpApi = SandboxApi(system, self.sandbox, path, headers or {})
        else:
            api = HttpApi(system, str(url), {**bearer(token.get_secret_value()), **(headers or {})})
        self.stack.push_async_exit(api)
        return api

    def named(self, system: str) -> HttpApi:
        """A client of a system that AGENT_FLOWS_SERVICES may name; else of the sandbox's /<system>."""
        for own in self.settings.services:
            if own.name == system:
                return self.api(system, "", own.url, own.token)
        return self.api(system, f"/{system}")


def bearer(token: str) -> dict[str, str]:
    """The header that presents a token; none for an empty one."""
    return {"Authorization": f"Bearer {token}"} if token else {}


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
