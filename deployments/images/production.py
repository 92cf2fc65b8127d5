"""The settings of Prefect's servers in production, whatever starts them as containers."""

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
    "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",  # a job does it, once
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",  # two servers that begin at once would collide
}
# Batches instead of a transaction for each event: a task run costs a third of the processor time.
QUICK = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
    "PREFECT_REDIS_MESSAGING_PUBLISHER_PUBLISH_EVERY": "1",
}
SERVER_SETTINGS = SHARED | CLOSED | QUICK
EVERYONE = {
    "AGENT_FLOWS_DATA": "/data",
    "HOME": "/tmp",  # noqa: S108 - a volume; the image itself is read-only
    "PREFECT_HOME": "/tmp/prefect",  # noqa: S108
    "DO_NOT_TRACK": "1",
}
APP = "/app"  # the folder of the flows in the image; `prefect deploy` takes it from PWD
USER = 10_001  # numeric, so that a cluster can see that it is not root
