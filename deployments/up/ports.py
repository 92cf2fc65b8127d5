"""Ports of the loopback interface for an installation: those that are given, or that are free."""

import socket
from collections.abc import Collection, Mapping

from agents.runtime.errors import AgentError
from deployments.up.plan import LOOPBACK


class PortInUse(AgentError):
    """A port that was asked for belongs to another process."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(name, port)
        self.name, self.port = name, port

    def __str__(self) -> str:
        return f"port {self.port} for {self.name} is in use: name another one, or 0 for a free one"


def choose(
    defaults: Mapping[str, int],
    given: Mapping[str, int],
    before: Mapping[str, int],
    own: Collection[int] = (),
) -> dict[str, int]:
    """A port for each name: the given one, else that of `before`, else the default, else a free one.

    Those of `own` belong to processes that go on. Raises PortInUse for a given port.
    """
    chosen: dict[str, int] = {}
    for name, default in defaults.items():
        wanted = given.get(name)
        if wanted and not (wanted in own or is_free(wanted)):
            raise PortInUse(name, wanted)
        candidates = [wanted] if wanted else [] if wanted == 0 else [before.get(name), default]
        usable = [one for one in candidates if one and one not in chosen.values()]
        chosen[name] = next((one for one in usable if one in own or is_free(one)), 0) or free()
    return chosen


def is_free(port: int) -> bool:
    """Whether nobody listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
