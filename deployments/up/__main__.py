"""Runs an installation on this machine: `python -m deployments.up`, until Ctrl-C or SIGTERM."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter, validators
from rich.console import Console

from agents.runtime.command_line import explained, in_words
from agents.runtime.errors import AgentError
from agents.runtime.settings import settings
from agents.runtime.shutdown import Ending
from deployments.components import COMPONENTS, Component, Kind, with_needed
from deployments.up.entry import Public
from deployments.up.installation import Installation, Site, mark
from deployments.up.other_terminal import down as bring_down
from deployments.up.other_terminal import status as show_status
from deployments.up.plan import LOOPBACK
from deployments.up.record import Record, Store
from deployments.up.sites import Wanted, laptop_site, production_site
from deployments.up.stores import Stores

Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65_535))]
MakeSite = Callable[[Store, Stores, Wanted, Record | None], Awaitable[Site]]
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
def main(  # noqa: PLR0913 - the options of a command
    *,
    production: bool = False,
    embedded: bool = False,
    secrets: Path | None = None,
    host: str = LOOPBACK,
    hosts: Names = (),
    certificate: Path | None = None,
    key: Path | None = None,
    prefect_port: Port | None = None,
    gateway_port: Port | None = None,
    only: Names = (),
    status: bool = False,
    down: bool = False,
) -> None:
    """Start all of an installation on this machine, and keep it running until Ctrl-C.

    Args:
        production: Two API servers, separate services and two gateways, on PostgreSQL and Redis, behind an
            entry with authentication.
        embedded: Use a PostgreSQL of the data folder, for a trial; with --production also its Valkey, and
            a password and a key that are made up. It needs the packages of the group dev.
        secrets: Folder of files that are named like the variables of secrets, in small letters; what it
            has not is taken from the environment.
        host: Address that the entry listens on, in production. Others than 127.0.0.1 need a certificate.
        hosts: Host names under which others reach it, in production; requests for other names are refused.
        certificate: PEM file of the entry's certificate, with its chain.
        key: PEM file of the certificate's key.
        prefect_port: Port of Prefect's API and UI; 0 takes a free one. Without it, 4200 if that is free.
        gateway_port: Port of the gateway; 0 takes a free one. Without it, 8484 if that is free.
        only: Components to run, with what they need; without it, all.
        status: Show how the installation of the data folder is, and end.
        down: Stop the installation of the data folder, and end.

    """
    store = Store(settings().data)
    if status or down:
        act = bring_down if down else show_status
        console = Console(highlight=False, soft_wrap=True)
        sys.exit(in_words(lambda: act(store, console), Ending(), explained))
    given = {"prefect-server": prefect_port, "gateway": gateway_port}
    given_ports = {name: port for name, port in given.items() if port is not None}
    public = Public(host, hosts, certificate, key)
    work = partial(_main, store, production, given_ports, only, embedded, secrets, public)
    in_words(work, Ending(), explained, "stopped")


def _main(  # noqa: PLR0913 - private: what the command line said
    store: Store,
    production: bool,  # noqa: FBT001 - as above
    given: dict[str, int],
    only: tuple[str, ...],
    embedded: bool,  # noqa: FBT001 - as above
    secrets: Path | None,
    public: Public,
) -> None:
    wanted = Wanted(given, _components(only), embedded, secrets, public)
    asyncio.run(_run(store, production_site if production else laptop_site, wanted))


def _components(only: tuple[str, ...]) -> list[Component]:
    """These components and those that they need; all without any. Raises UnknownComponent."""
    try:
        return with_needed(only) if only else [*COMPONENTS]
    except KeyError as error:
        raise UnknownComponent(error.args[0]) from None


async def _run(store: Store, make_site: MakeSite, wanted: Wanted) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    store.prepare()
    with store.locked():
        mark(store.data)
        before, stores = store.read(), Stores(store.data)
        try:
            site = await make_site(store, stores, wanted, before)
        except BaseException:
            stores.stop()
            raise
        await Installation(store, site, stores).run(before, stopped)
        Console(highlight=False).print("stopped: what was in work is handed back", markup=False)


if __name__ == "__main__":
    command()
