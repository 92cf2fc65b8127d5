"""The components of an installation as data: what runs, how it starts, what it needs, how it is asked how it is.

`deployments.up` starts them as processes of one machine, the compose file and the Kubernetes manifests as
containers, and drills kill them by these names. This module imports nothing of Prefect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

PYTHON = "python"  # the first word of a command: the interpreter in which the project is installed
HOST, PORT = "{host}", "{port}"  # replaced by the address that the component listens on


class Form(StrEnum):
    """Laptop: one of each with embedded stores. Production: several of each, on PostgreSQL and Redis."""

    LAPTOP = "laptop"
    PRODUCTION = "production"


class Kind(StrEnum):
    """A store is run by others and named by a URL; a job ends by itself; a process runs until it is stopped."""

    STORE = "store"
    JOB = "job"
    PROCESS = "process"


@dataclass(frozen=True, slots=True)
class Http:
    """It is healthy when a GET of these paths on its port answers 200.

    `live` says that the process works, `ready` also that what it needs can be reached.
    """

    live: str
    ready: str


@dataclass(frozen=True, slots=True)
class Lease:
    """It is healthy while a process of it renews a lease in the journal (table `owners`, by host and pid)."""


Health = Http | Lease | None  # None: it is healthy while its process lives


@dataclass(frozen=True, slots=True)
class Component:
    """A part of an installation.

    Args:
        name: Its name everywhere: of processes, logs, containers and Deployments.
        kind: Store, job or process.
        purpose: What it is for, in one sentence.
        command: How it starts, with `{host}` and `{port}` where it listens; empty for a store.
        adds: What the command has beyond that in one of the forms.
        replicas: How many there are in each form; 0 where a form has none.
        needs: Environment variables that it needs in production. `SECRETS` says which are secret.
        sets: Environment variables with the same value everywhere.
        port: The port on which it listens by default; 0 if it listens on none.
        port_variable: The environment variable that names the port where the command does not.
        health: How it is asked how it is.
        after: Components that must be healthy, or jobs that must have ended well, before it starts.
        single: Whether there may be one only.
        exports: Whether it, or a flow run as a process of it, has metrics of its own to export.
        starts_runs: Whether it starts flow runs as processes, which end with it.
        stop_seconds: How long it may take to end after SIGTERM before it is killed.

    """

    name: str
    kind: Kind
    purpose: str
    command: tuple[str, ...] = ()
    replicas: Mapping[Form, int] = field(default_factory=lambda: both(1, 1))
    adds: Mapping[Form, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    needs: tuple[str, ...] = ()
    sets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    port: int = 0
    port_variable: str = ""
    health: Health = None
    after: tuple[str, ...] = ()
    single: bool = False
    exports: bool = False
    starts_runs: bool = False
    stop_seconds: float = 9.5

    def argv(self, form: Form, python: str, host: str = "", port: int = 0) -> list[str]:
        """Its command in a form, with this interpreter, and this address where it listens."""
        filled = {PYTHON: python, HOST: host, PORT: str(port)}
        return [filled.get(word, word) for word in (*self.command, *self.adds.get(form, ()))]


def both(laptop: int, production: int) -> Mapping[Form, int]:
    """How many replicas each form has."""
    return MappingProxyType({Form.LAPTOP: laptop, Form.PRODUCTION: production})


DATABASE_URL = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
API_URL, SERVER_AUTH, CLIENT_AUTH = (
    "PREFECT_API_URL",
    "PREFECT_SERVER_API_AUTH_STRING",
    "PREFECT_API_AUTH_STRING",
)
ENCRYPTION_KEY = "PREFECT_SERVER_ENCRYPTION_KEY"
# Three, since the cleanup queue reads no other one: with one missing it would call localhost for ever.
MESSAGING_URL, CLEANUP_URL, DOCKET_URL = (
    "PREFECT_REDIS_MESSAGING_URL",
    "PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL",
    "PREFECT_SERVER_DOCKET_URL",
)
JOURNAL_URL, REDIS_URL, DATA = (
    "AGENT_FLOWS_JOURNAL_URL",
    "AGENT_FLOWS_REDIS_URL",
    "AGENT_FLOWS_DATA",
)

JOURNAL = (JOURNAL_URL, REDIS_URL, DATA)
PREFECT_CLIENT = (API_URL, CLIENT_AUTH)
PREFECT_SERVER = (
    *(DATABASE_URL, SERVER_AUTH, ENCRYPTION_KEY),
    *(MESSAGING_URL, CLEANUP_URL, DOCKET_URL),
)
# Values that are in a file or a secret of the platform, and never in a manifest, a log or an argument.
SECRETS = frozenset(
    {
        *(DATABASE_URL, SERVER_AUTH, CLIENT_AUTH, ENCRYPTION_KEY),
        *(MESSAGING_URL, CLEANUP_URL, DOCKET_URL, JOURNAL_URL, REDIS_URL),
    }
)

PREFECT = (PYTHON, "-m", "prefect")
# `upgrade` migrates nothing where this is false, as it is for servers that must not migrate by themselves.
MIGRATE = MappingProxyType({"PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "true"})

STORES = (
    Component(
        "postgresql",
        Kind.STORE,
        "The journal, and Prefect's database; on a laptop two files instead.",
        replicas=both(0, 1),
        port=5432,
        single=True,
    ),
    Component(
        "redis",
        Kind.STORE,
        "Wakes consumers, transports messages, and keeps the leases of Prefect's limits: it should write a log.",
        replicas=both(1, 1),
        port=6379,
        single=True,
    ),
)

SERVER_START = (*PREFECT, "server", "start", "--host", HOST, "--port", PORT)
SERVER_HEALTH = Http("/api/health", "/api/ready")

SERVERS = (
    Component(
        "prefect-migrations",
        Kind.JOB,
        "Brings Prefect's database to the schema of this release.",
        (*PREFECT, "server", "database", "upgrade", "-y"),
        both(0, 1),
        needs=PREFECT_SERVER,
        sets=MIGRATE,
        after=("postgresql",),
        single=True,
    ),
    Component(
        "prefect-server",
        Kind.PROCESS,
        "Prefect's API and UI; in production without the services, so that there may be several.",
        SERVER_START,
        both(1, 2),
        MappingProxyType({Form.PRODUCTION: ("--no-services",)}),
        needs=PREFECT_SERVER,
        port=4200,
        health=SERVER_HEALTH,
        after=("postgresql", "redis", "prefect-migrations"),
    ),
    Component(
        "prefect-services",
        Kind.PROCESS,
        "Prefect's schedules, automations and recorders of events; on a laptop a part of the server.",
        (*PREFECT, "server", "services", "start"),
        both(0, 1),
        needs=PREFECT_SERVER,
        after=("postgresql", "redis", "prefect-migrations"),
        single=True,
    ),
)

JOBS = (
    Component(
        "migrations",
        Kind.JOB,
        "Brings the journal to the schema of this release; creates pools, limits and automations.",
        (PYTHON, "-m", "deployments.apply"),
        needs=(*JOURNAL, *PREFECT_CLIENT),
        after=("postgresql", "prefect-server"),
        single=True,
    ),
    Component(
        "deploy",
        Kind.JOB,
        "Registers the deployments of prefect.yaml with the server.",
        (*PREFECT, "--no-prompt", "deploy", "--all"),
        needs=PREFECT_CLIENT,
        after=("migrations",),
        single=True,
    ),
    Component(
        "schedules",
        Kind.JOB,
        "Switches on the schedules that keep items moving, and starts the long runs among them.",
        (PYTHON, "-m", "deployments.schedules", "--form"),
        adds=MappingProxyType({form: (form.value,) for form in Form}),
        needs=PREFECT_CLIENT,
        after=("deploy",),
        single=True,
    ),
)


def worker(pool: str, kind: str = "process") -> Component:
    """The workers of a pool, which start flow runs."""
    start = ("worker", "start", "--pool", pool, "--type", kind, "--install-policy", "never")
    return Component(
        f"worker-{pool}",
        Kind.PROCESS,
        f"Starts the flow runs of the pool {pool}.",
        (*PREFECT, *start, "--with-healthcheck"),
        both(1, 1),
        needs=(*PREFECT_CLIENT, *JOURNAL),
        port=8080,
        port_variable="PREFECT_WORKER_WEBSERVER_PORT",
        health=Http("/health", "/health"),
        after=("migrations",),
        exports=True,
        starts_runs=True,
    )


def consumer(scenario: str, laptop: int = 1, production: int = 1) -> Component:
    """The consumers of a scenario's queue."""
    return Component(
        f"consumer-{scenario}",
        Kind.PROCESS,
        f"Processes what waits in the queue of {scenario}.",
        (PYTHON, "-m", "flows.operations.consumer", "--scenario", scenario),
        both(laptop, production),
        needs=(*JOURNAL, *PREFECT_CLIENT),
        health=Lease(),
        after=("migrations",),
        exports=True,
    )


def consumer_of_others(served: Sequence[str]) -> Component:
    """The consumer of all queues that have none of their own: those `served` have."""
    without = [word for scenario in served for word in ("--without", scenario)]
    return Component(
        "consumer-others",
        Kind.PROCESS,
        "Processes what waits in the queues that have no consumer of their own.",
        (PYTHON, "-m", "flows.operations.consumers", *without),
        both(1, 1),
        needs=(*JOURNAL, *PREFECT_CLIENT),
        health=Lease(),
        after=("migrations",),
        exports=True,
    )


WORKERS = (worker("default"),)
# On one machine a consumer for each busy queue, and one for the rest: each takes some 250 MB.
CONSUMERS = (consumer("orders", 1, 2), consumer_of_others(["orders"]))

GATEWAY = Component(
    "gateway",
    Kind.PROCESS,
    "The API, the console and the chat; it delivers webhooks too.",
    (PYTHON, "-m", "deployments.gateway", "--no-consumers", "--host", HOST, "--port", PORT),
    both(1, 2),
    needs=(*JOURNAL, *PREFECT_CLIENT, "AGENT_FLOWS_GATEWAY_HOSTS"),
    port=8484,
    health=Http("/health", "/ready"),
    after=("migrations",),
    exports=True,
)

COMPONENTS = (*STORES, *SERVERS, *JOBS, *WORKERS, *CONSUMERS, GATEWAY)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A flow that workers run: it has no process of its own.

    Args:
        name: Its name among the components.
        deployment: <flow>/<deployment> in prefect.yaml.
        schedule: The slug of the schedule that is switched on.
        is_resident: Whether a run of it should always be there, so that one is started at once.
        forms: The forms in which it is switched on.

    """

    name: str
    deployment: str
    schedule: str
    is_resident: bool = False
    forms: tuple[Form, ...] = (Form.LAPTOP, Form.PRODUCTION)


PRODUCTION_ONLY = (Form.PRODUCTION,)
SCHEDULED = (
    Scheduled("recovery", "recover/recover", "every-minute"),
    Scheduled("item-events", "item-events/item-events", "hourly", is_resident=True),
    Scheduled("reconciliation", "reconcile/reconcile", "nightly"),
    Scheduled("pruning", "prune/prune", "nightly"),
    Scheduled("backlog", "backlog/backlog", "every-minute", forms=PRODUCTION_ONLY),
    Scheduled(
        "payment-events",
        "payment-events/payment-events",
        "every-five-minutes",
        forms=PRODUCTION_ONLY,
    ),
)


def component(name: str) -> Component:
    """The component of this name. Raises KeyError."""
    return {one.name: one for one in COMPONENTS}[name]


def with_needed(names: Sequence[str]) -> list[Component]:
    """The components of these names and those that they need, in order. Raises KeyError."""
    wanted = {name for one in names for name in (one, *component(one).after)}
    if wanted != set(names):
        return with_needed(sorted(wanted))
    return [one for one in COMPONENTS if one.name in wanted]


def of(form: Form, components: Sequence[Component] = COMPONENTS) -> list[Component]:
    """The components of a form, each after those that it needs."""
    return [one for one in components if one.replicas[form]]
