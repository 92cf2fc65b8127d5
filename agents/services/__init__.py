"""Everything outside the process: `connect_services` connects it, agents ask for it by type."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from agents.runtime.provided import provide
from agents.runtime.settings import Settings
from agents.services.connections import Connections, Sandbox
from agents.services.sandbox.faults import parse_faults
from agents.services.systems import SYSTEMS, own_systems

T = TypeVar("T")


class Services(Mapping[Any, object]):
    """What is connected, by the type that agents ask for: `services[Payments]`."""

    def __init__(self, connected: Mapping[Any, Any]) -> None:
        self._connected = connected

    def __getitem__(self, kind: Callable[..., T]) -> T:  # type[T] would leave out protocols
        """The service of this type. Raises KeyError."""
        found: T = self._connected[kind]
        return found

    def __iter__(self) -> Iterator[Any]:
        return iter(self._connected)

    def __len__(self) -> int:
        return len(self._connected)


@asynccontextmanager
async def connect_services(
    settings: Settings, faults: str = "", stock: Path | None = None
) -> AsyncIterator[Services]:
    """Provide what the settings name, and the sandbox in place of what they do not.

    `faults` is a script and `stock` a file of goods for the sandbox. The sandbox is started at once if
    a system that scenarios share needs it, else at the first call to it.
    Raises BadFaultScript, BadStock, DidNotStart.
    """
    parse_faults(faults)
    async with AsyncExitStack() as stack:
        sandbox = Sandbox(settings.data, stock, faults, stack)
        here = Connections(settings, sandbox, stack)
        connected = {system.kind: system.connect(here) for system in SYSTEMS}
        if here.uses_sandbox:
            await sandbox.address()
        connected |= {system.kind: system.connect(here) for system in own_systems()}
        with provide(connected):
            yield Services(connected)
