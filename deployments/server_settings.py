"""The settings of Prefect's servers in production: on one machine, in the compose file, on a cluster.

None is a secret. Sources: Prefect's settings reference; prefect-redis; measured where a comment says so.
"""

from types import MappingProxyType

# Each names what a single server has in its memory: with several, all share it by Redis. See in_memory.py.
SHARED = {
    "PREFECT_SERVER_EVENTS_MESSAGING_BROKER": "prefect_redis.messaging",
    "PREFECT_SERVER_EVENTS_MESSAGING_CACHE": "prefect_redis.messaging",
    "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "deployments.lease_storage",
    "PREFECT_SERVER_WORKER_CHANNEL_CLEANUP_QUEUE_STORAGE": "prefect_redis.cleanup_queue",
}
CLOSED = {
    "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
    # Prefect allows every origin; the UI that a server brings along needs its own alone.
    "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": "http://127.0.0.1:4200",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",  # a job does it, once
}
RETENTION = {
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": '["events", "flow_runs"]',
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": "P30D",
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P7D",
}
# Prefect's recorders write each event by itself; in batches a task run costs a third of the processor time.
BATCHES = MappingProxyType(
    {
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE": "100",
    }
)
SERVER_SETTINGS = MappingProxyType(
    SHARED
    | CLOSED
    | RETENTION
    | {**BATCHES, "PREFECT_REDIS_MESSAGING_PUBLISHER_PUBLISH_EVERY": "1"}  # seconds; 10 by default
)
# Of all that call Prefect: a server answers 500 while Redis is away, which its client would not repeat.
CLIENT_SETTINGS = MappingProxyType({"PREFECT_CLIENT_RETRY_EXTRA_CODES": "500,502,504"})
