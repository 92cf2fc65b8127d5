"""What components find in the image, whatever starts it: folders, user and environment."""

from deployments.server_settings import CLIENT_SETTINGS

EVERYONE = {
    "AGENT_FLOWS_DATA": "/data",
    "HOME": "/tmp",  # noqa: S108 - a volume; the image itself is read-only
    "PREFECT_HOME": "/tmp/prefect",  # noqa: S108
    "DO_NOT_TRACK": "1",
    **CLIENT_SETTINGS,
}
# Each container has the port for itself; who may call it is said by NetworkPolicies, or by compose's network.
METRICS_PORT = 9464
METRICS = {
    "AGENT_FLOWS_METRICS_PORT": str(METRICS_PORT),
    "AGENT_FLOWS_METRICS_HOST": "0.0.0.0",  # noqa: S104 - of a container
}
APP = "/app"  # the folder of the flows in the image; `prefect deploy` takes it from PWD
USER = 10_001  # numeric, so that a cluster can see that it is not root
