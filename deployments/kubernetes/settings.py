"""The ConfigMaps: what the processes of an installation are told that is no secret."""

import orjson
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap

from deployments.components import API_URL, DATA, component
from deployments.kubernetes.pods import PART_OF, SERVER_SETTINGS, SETTINGS
from deployments.kubernetes.values import Values

SERVER = component("prefect-server")

# Several API servers share everything by PostgreSQL and Redis: nothing is left in the memory of one.
SHARED = {
    "PREFECT_SERVER_EVENTS_MESSAGING_BROKER": "prefect_redis.messaging",
    "PREFECT_SERVER_EVENTS_MESSAGING_CACHE": "prefect_redis.messaging",
    "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
    "PREFECT_SERVER_WORKER_CHANNEL_CLEANUP_QUEUE_STORAGE": "prefect_redis.cleanup_queue",
}
CLOSED = {
    "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",  # the Job does it, once
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",  # two servers that begin at once would collide
}
# Batches instead of a transaction for each event; the figures are of Prefect 3.8.
QUICK = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
    "PREFECT_REDIS_MESSAGING_PUBLISHER_PUBLISH_EVERY": "1",
}


def config_maps(values: Values) -> list[ConfigMap]:
    """What all are told, and what Prefect's servers are told besides."""
    everyone = {
        API_URL: f"http://{SERVER.name}:{SERVER.port}/api",
        DATA: "/data",
        "AGENT_FLOWS_GATEWAY_HOSTS": orjson.dumps([values.host]).decode(),
        "HOME": "/tmp",  # noqa: S108 - a volume of the pod; the image itself is read-only
        "PREFECT_HOME": "/tmp/prefect",  # noqa: S108
        "DO_NOT_TRACK": "1",
    }
    servers = SHARED | CLOSED | QUICK
    found = {SETTINGS: everyone, SERVER_SETTINGS: servers}
    return [
        ConfigMap(metadata=ObjectMeta(name=name, labels=dict(PART_OF)), data=data)
        for name, data in found.items()
    ]
