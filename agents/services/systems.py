"""The outside systems: one line each for those that scenarios share; a scenario can bring its own.

A scenario's own systems are the `SYSTEMS` of `agents/<scenario>/services.py`, found by that name.
"""

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from sqlite3 import Connection
from typing import Any

import agents
from agents.services.carriers import http_api as carriers
from agents.services.carriers.protocol import Carriers
from agents.services.connections import Connections
from agents.services.inventory import http_api as inventory
from agents.services.inventory.protocol import Inventory
from agents.services.notifications import channels as notifications
from agents.services.notifications.protocol import Notifications
from agents.services.payments import stripe
from agents.services.payments.protocol import Payments
from agents.services.sandbox.operation import Operation


@dataclass(frozen=True, slots=True)
class System:
    """An outside system: the type that agents ask for, what connects it, and who plays it.

    `sandbox` is the module whose OPERATIONS, and tables in SCHEMA, play the system in the sandbox. What
    the system does of its own accord is a coroutine function BACKGROUND of the record.
    """

    kind: Any
    connect: Callable[[Connections], object]
    sandbox: str


SYSTEMS = (
    System(Inventory, inventory.connect, "agents.services.inventory.sandbox"),
    System(Payments, stripe.connect, "agents.services.payments.sandbox"),
    System(Carriers, carriers.connect, "agents.services.carriers.sandbox"),
    System(Notifications, notifications.connect, "agents.services.notifications.sandbox"),
)


@cache
def own_systems() -> tuple[System, ...]:
    """The systems that scenarios bring with them."""
    packages = [found.name for found in iter_modules(agents.__path__) if found.ispkg]
    modules = [f"agents.{name}.services" for name in packages]
    found = [import_module(module) for module in modules if find_spec(module) is not None]
    return tuple(system for module in found for system in module.SYSTEMS)


def operations() -> Iterator[Operation]:
    """All that the sandbox can be asked for."""
    for module in _sandboxes():
        yield from module.OPERATIONS


def schema() -> str:
    """The tables in which the sandbox keeps what it has done."""
    return "".join(getattr(module, "SCHEMA", "") for module in _sandboxes())


def background() -> Iterator[Callable[[Connection], Coroutine[Any, Any, None]]]:
    """What the systems of the sandbox do of their own accord, until they are cancelled."""
    for module in _sandboxes():
        if hasattr(module, "BACKGROUND"):
            yield module.BACKGROUND


def _sandboxes() -> list[Any]:
    names = dict.fromkeys(system.sandbox for system in (*SYSTEMS, *own_systems()))
    return [import_module(name) for name in names]
