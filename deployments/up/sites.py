"""The two forms of an installation on this machine: what runs, on which ports, with which environment."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from agents.runtime.settings import settings
from deployments.components import (
    API_URL,
    JOURNAL_URL,
    REDIS_URL,
    SERVER_AUTH,
    Component,
    Form,
    Kind,
)
from deployments.in_memory import in_memory_defaults
from deployments.up import entry, ports
from deployments.up.entry import BALANCED, ENTRY, Public
from deployments.up.environment import forget_others, laptop
from deployments.up.installation import Site, ports_in_use
from deployments.up.plan import LOOPBACK, Planned, listeners, names_of, plan
from deployments.up.processes import MARKER
from deployments.up.production import (
    NotForProduction,
    base_url,
    made_up,
    production,
    secrets_of,
)
from deployments.up.record import Record, Store
from deployments.up.stores import Stores


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for; `ports` are those of the servers and the gateways, where given."""

    ports: Mapping[str, int]
    components: list[Component]
    embedded: bool = False
    secrets: Path | None = None
    public: Public = field(default_factory=Public)


async def laptop_site(store: Store, stores: Stores, wanted: Wanted, before: Record | None) -> Site:
    """One of each; stores in the data folder, where none is named. Raises PortInUse."""
    forget_others()
    if wanted.embedded:
        _set({JOURNAL_URL: (await stores.start_postgresql())[JOURNAL_URL]})
    if settings().redis_url is None:
        stores.start_redis()
    components = wanted.components
    chosen = _ports(listeners(Form.LAPTOP, components), wanted.ports, before)
    planned = plan(Form.LAPTOP, chosen, laptop(store.data, chosen), components)
    found = {one.component.name: one.address for one in planned}
    return Site(Form.LAPTOP, chosen, planned, addresses(found))


async def production_site(
    store: Store, stores: Stores, wanted: Wanted, before: Record | None
) -> Site:
    """Several servers and gateways behind an entry.

    Raises PortInUse, NoCertificate, NotForProduction, and MissingExtra without the entry's program.
    """
    wanted.public.check()
    entry.caddy()
    trial: dict[str, str] = {}
    if wanted.embedded:
        trial = {**stores.start_redis(), **await stores.start_postgresql()}
        trial |= made_up(store.folder / "secrets")
    secrets = secrets_of(wanted.secrets, trial)
    forget_others()
    _set({name: secrets[name] for name in (JOURNAL_URL, REDIS_URL)})
    components = with_entry(wanted.components)
    chosen = _production_ports(components, wanted, before)
    return _site(store, wanted.public, components, chosen, secrets)


def _site(
    store: Store,
    public: Public,
    components: list[Component],
    chosen: dict[str, int],
    secrets: Mapping[str, str],
) -> Site:
    shown = {
        name: base_url(public.host, chosen[f"tls-{name}"], tls=True)
        if public.has_tls
        else base_url(LOOPBACK, chosen[f"entry-{name}"], tls=False)
        for name in BALANCED
        if f"entry-{name}" in chosen
    }
    api = f"{base_url(LOOPBACK, chosen['entry-prefect-server'], tls=False)}/api"
    environment = production(store.data, api, shown["prefect-server"], public.hosts, secrets)
    require_shared(components, {one.name: environment(one, 0) for one in components})
    file = store.folder / "entry.json"
    names = {one.name: names_of(one, Form.PRODUCTION) for one in components}
    entry.write(file, entry.configuration(entry.routes(chosen, names), public))
    planned = [
        _with_configuration(one, file)
        for one in plan(Form.PRODUCTION, chosen, environment, components)
    ]
    user = secrets[SERVER_AUTH].partition(":")[0]
    return Site(Form.PRODUCTION, chosen, planned, [*addresses(shown), f"log in: Prefect as {user}"])


def require_shared(
    components: Sequence[Component], environments: Mapping[str, Mapping[str, str]]
) -> None:
    """Raise NotForProduction if several replicas would each have a state of their own."""
    problems = [
        problem
        for one in components
        for problem in in_memory_defaults(
            one.name, environments[one.name], one.replicas[Form.PRODUCTION]
        )
    ]
    if problems:
        raise NotForProduction(problems)


def with_entry(components: Sequence[Component]) -> list[Component]:
    """The components with an entry, through which those that call Prefect's API do so."""
    behind = [
        replace(one, after=(*one.after, ENTRY.name)) if API_URL in one.needs else one
        for one in components
    ]
    stores = [one for one in behind if one.kind is Kind.STORE]
    return [*stores, ENTRY, *(one for one in behind if one.kind is not Kind.STORE)]


def addresses(found: Mapping[str, str]) -> list[str]:
    """The lines that name the addresses."""
    lines = [f"Prefect: {found['prefect-server']}"]
    if (gateway := found.get("gateway")) is not None:
        lines += [f"gateway: {gateway}", f"console: {gateway}/console"]
    return lines


def _with_configuration(planned: Planned, file: Path) -> Planned:
    if planned.component is not ENTRY:
        return planned
    # With another configuration it is another process, so the text is a part of its plan.
    own = {MARKER: planned.environment[MARKER], entry.CONFIGURATION: str(file)}
    return replace(planned, environment=own | {entry.TEXT: file.read_text("utf-8")})


def _production_ports(
    components: list[Component], wanted: Wanted, before: Record | None
) -> dict[str, int]:
    inner = dict.fromkeys(listeners(Form.PRODUCTION, components), 0)
    del inner[ENTRY.name]
    defaults = {one.name: one.port for one in components if one.name in BALANCED}
    outer = "tls" if wanted.public.has_tls else "entry"
    for kind in ("entry", "tls"):
        inner |= {f"{kind}-{name}": port if kind == outer else 0 for name, port in defaults.items()}
    given = {f"{outer}-{name}": port for name, port in wanted.ports.items()}
    chosen = _ports(inner, given, before)
    return chosen | {ENTRY.name: chosen["entry-prefect-server"]}


def _ports(
    defaults: Mapping[str, int], given: Mapping[str, int], before: Record | None
) -> dict[str, int]:
    kept = before.ports if before else {}
    return ports.choose(defaults, given, kept, ports_in_use(before).values())


def _set(variables: Mapping[str, str]) -> None:
    os.environ.update(variables)
    settings.cache_clear()
