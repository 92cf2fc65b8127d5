"""What runs: a process for each replica of each component, with its command, environment and address."""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from deployments.components import Component, Form, Http, Kind, of

LOOPBACK = "127.0.0.1"
PROXY = MappingProxyType({"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"})
Environment = Callable[[Component, int], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Planned:
    """A process of an installation.

    `environment` is what it gets beside that of the supervisor. `after` names the processes that must be
    healthy, or have ended well, before it starts.
    """

    name: str
    component: Component
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)  # it has secrets
    after: tuple[str, ...] = ()
    port: int = 0

    @property
    def is_job(self) -> bool:
        """Whether it ends by itself."""
        return self.component.kind is Kind.JOB

    @property
    def address(self) -> str:
        """Its URL; empty where it does not listen."""
        return f"http://{LOOPBACK}:{self.port}" if self.port else ""

    def url(self, *, ready: bool) -> str:
        """Where it is asked how it is; empty where it is not asked over HTTP."""
        health = self.component.health
        if not isinstance(health, Http):
            return ""
        return f"{self.address}{health.ready if ready else health.live}"

    @property
    def digest(self) -> str:
        """A hash of command and environment: another plan needs another process."""
        words = json.dumps([self.argv, sorted(self.environment.items())])
        return hashlib.sha256(words.encode()).hexdigest()[:16]


def names_of(component: Component, form: Form) -> list[str]:
    """The names of its processes: those of several replicas are numbered."""
    count = component.replicas[form]
    if count == 1:
        return [component.name]
    return [f"{component.name}-{number}" for number in range(1, count + 1)]


def plan(
    form: Form, ports: Mapping[str, int], environment: Environment, components: list[Component]
) -> list[Planned]:
    """The processes of the components, each after those that it needs; stores are none of them.

    `ports` has the port of each process that listens, `environment` the variables of a replica.
    """
    here = [one for one in of(form, components) if one.kind is not Kind.STORE]
    names = {one.name: names_of(one, form) for one in here}
    return [
        _planned(one, form, number, ports, environment, names)
        for one in here
        for number in range(len(names[one.name]))
    ]


def _planned(  # noqa: PLR0913 - private: the parts of a plan
    component: Component,
    form: Form,
    number: int,
    ports: Mapping[str, int],
    environment: Environment,
    names: Mapping[str, list[str]],
) -> Planned:
    name = names[component.name][number]
    port = ports.get(name, 0)
    after = [other for needed in component.after for other in names.get(needed, [])]
    if number:
        after.append(
            names[component.name][0]
        )  # the first alone registers and creates what is shared
    own = dict(environment(component, number)) | dict(component.sets)
    if component.port_variable:
        own[component.port_variable] = str(port)
    argv = component.argv(form, sys.executable, LOOPBACK, port)
    return Planned(name, component, tuple(argv), own, tuple(after), port)


def listeners(form: Form, components: list[Component]) -> dict[str, int]:
    """The default port of each process that listens, 0 for further replicas."""
    return {
        name: 0 if number else one.port
        for one in of(form, components)
        if one.port and one.kind is not Kind.STORE
        for number, name in enumerate(names_of(one, form))
    }
