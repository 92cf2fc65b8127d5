"""What keeps each replica's state in its own memory or file, so that there may be only one.

A second API server with any of these defaults works at first, and then loses events, leases or
cancellations. `deployments.up --production`, `deployments.check` and the manifests refuse it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

REDIS, UNIX, SENTINEL = (
    ("redis://", "rediss://"),
    ("unix://",),
    ("redis+sentinel://", "rediss+sentinel://"),
)
POSTGRESQL = ("postgresql+asyncpg://",)


@dataclass(frozen=True, slots=True)
class Shared:
    """What replicas must share: the variable that says where it is, and how its value begins where they do.

    `set_to` is an example of a value.
    """

    what: str
    variable: str
    begins: tuple[str, ...]
    set_to: str


SERVER_STATE = (
    Shared(
        "Prefect's database is a file of one machine",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL",
        POSTGRESQL,
        "postgresql+asyncpg://…",
    ),
    Shared(
        "the docket, Prefect's own schedule, is in memory",
        "PREFECT_SERVER_DOCKET_URL",
        (*REDIS, *UNIX, *SENTINEL),
        "redis://…/8",
    ),
    Shared(
        "the broker of events is in memory",
        "PREFECT_SERVER_EVENTS_MESSAGING_BROKER",
        ("prefect_redis.",),
        "prefect_redis.messaging",
    ),
    Shared(
        "the cache of events is in memory",
        "PREFECT_SERVER_EVENTS_MESSAGING_CACHE",
        ("prefect_redis.",),
        "prefect_redis.messaging",
    ),
    Shared(
        "the causal order of events is in memory",
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING",
        ("prefect_redis.",),
        "prefect_redis.ordering",
    ),
    Shared(
        "leases and locks of concurrency limits are in memory",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE",
        ("prefect_redis.", "deployments."),
        "deployments.lease_storage",
    ),
    Shared(
        "the queue of cancellations is in memory",
        "PREFECT_SERVER_WORKER_CHANNEL_CLEANUP_QUEUE_STORAGE",
        ("prefect_redis.",),
        "prefect_redis.cleanup_queue",
    ),
    Shared(
        "the address of the Redis for events is that of this machine",
        "PREFECT_REDIS_MESSAGING_URL",
        (*REDIS, *UNIX, *SENTINEL),
        "redis://…/9",
    ),
    Shared(
        "the address of the Redis for cancellations is that of this machine",
        "PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL",
        (*REDIS, *UNIX, *SENTINEL),
        "redis://…/7",
    ),
)
JOURNAL_STATE = (
    Shared(
        "the journal is a file of one machine",
        "AGENT_FLOWS_JOURNAL_URL",
        POSTGRESQL,
        "postgresql+asyncpg://…",
    ),
    Shared(
        "signals, messages and rates of callers are in the Redis of one machine",
        "AGENT_FLOWS_REDIS_URL",
        (*REDIS, *UNIX),
        "redis://…/0",
    ),
)
STATE_OF: Mapping[str, tuple[Shared, ...]] = {
    "prefect-server": SERVER_STATE,
    "prefect-services": SERVER_STATE,  # a process beside the servers, so always one of several
    "gateway": JOURNAL_STATE,
}
LOCAL_LIMITS = "AGENT_FLOWS_CONCURRENCY"


def in_memory_defaults(component: str, environment: Mapping[str, str], replicas: int) -> list[str]:
    """Why a component with this environment may not have several replicas; empty where it may.

    Each line names what is not shared and the variable to set. Values are not shown: URLs have passwords.
    """
    if replicas <= 1 and component != "prefect-services":
        return []
    found = [
        f"{component}: {shared.what}: set {shared.variable} to {shared.set_to}"
        for shared in STATE_OF.get(component, ())
        if not environment.get(shared.variable, "").startswith(shared.begins)
    ]
    if environment.get(LOCAL_LIMITS) == "local":
        found.append(
            f"{component}: each replica limits calls to outside systems by itself: set {LOCAL_LIMITS} to prefect"
        )
    return found


def notes(environment: Mapping[str, str]) -> list[str]:
    """What of this environment allows one replica only, of components whose variables are set in it."""
    return [
        f"note: one replica only: {problem}"
        for component, state in STATE_OF.items()
        if any(shared.variable in environment for shared in state)
        for problem in in_memory_defaults(component, environment, 2)
    ]
