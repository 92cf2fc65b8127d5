"""Runs an installation on this machine: `python -m deployments.up`, until Ctrl-C or SIGTERM."""

import asyncio
import signal
import sys
from typing import Annotated

from cyclopts import App, Parameter, validators
from rich.console import Console

from agents.runtime.command_line import explained, in_words
from agents.runtime.errors import AgentError
from agents.runtime.settings import settings
from agents.runtime.shutdown import Ending
from deployments.components import COMPONENTS, Component, Form, Kind, with_needed
from deployments.up import ports as free_ports
from deployments.up.environment import forget_others, laptop
from deployments.up.installation import Installation, mark, ports_in_use
from deployments.up.other_terminal import down as bring_down
from deployments.up.other_terminal import status as show_status
from deployments.up.plan import listeners, plan
from deployments.up.record import Store

Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65_535))]
Names = Annotated[tuple[str, ...], Parameter(negative_iterable=())]

command = App(name="python -m deployments.up", version_flags=[])


class UnknownComponent(AgentError):
    """No component has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        known = ", ".join(one.name for one in COMPONENTS if one.kind is not Kind.STORE)
        return f"there is no component {self.name!r}; there are: {known}"


@command.default
def main(
    *,
    prefect_port: Port | None = None,
    gateway_port: Port | None = None,
    only: Names = (),
    status: bool = False,
    down: bool = False,
) -> None:
    """Start all of an installation on this machine, and keep it running until Ctrl-C.

    Args:
        prefect_port: Port of Prefect's API and UI; 0 takes a free one. Without it, 4200 if that is free.
        gateway_port: Port of the gateway; 0 takes a free one. Without it, 8484 if that is free.
        only: Components to run, with what they need; without it, all.
        status: Show how the installation of the data folder is, and end.
        down: Stop the installation of the data folder, and end.

    """
    store = Store(settings().data)
    console = Console(highlight=False, soft_wrap=True)
    if status or down:
        act = bring_down if down else show_status
        sys.exit(in_words(lambda: act(store, console), Ending(), explained))
    given = {"prefect-server": prefect_port, "gateway": gateway_port}
    wanted = {name: port for name, port in given.items() if port is not None}
    in_words(
        lambda: asyncio.run(_run(store, Form.LAPTOP, wanted, _wanted(only))),
        Ending(),
        explained,
        "stopped",
    )


def _wanted(only: tuple[str, ...]) -> list[Component]:
    """These components and those that they need; all without any. Raises UnknownComponent."""
    try:
        return with_needed(only) if only else [*COMPONENTS]
    except KeyError as error:
        raise UnknownComponent(error.args[0]) from None


async def _run(
    store: Store, form: Form, given: dict[str, int], components: list[Component]
) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    store.prepare()
    with store.locked():
        before = store.read()
        forget_others()
        mark(store.data)
        own = ports_in_use(before)
        ports = free_ports.choose(
            listeners(form, components), given, before.ports if before else {}, own.values()
        )
        planned = plan(form, ports, laptop(store.data, ports), components)
        await Installation(store, form, ports, planned).run(before, stopped)
        Console(highlight=False).print("stopped: what was in work is handed back", markup=False)


if __name__ == "__main__":
    command()
