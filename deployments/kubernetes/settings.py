"""The ConfigMaps: the settings of all processes that are no secrets."""

import orjson
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap

from deployments import server_settings
from deployments.components import API_URL, component
from deployments.images.production import EVERYONE, METRICS
from deployments.kubernetes.pods import PART_OF, SERVER_SETTINGS, SETTINGS
from deployments.kubernetes.values import Values

SERVER = component("prefect-server")


def config_maps(values: Values) -> list[ConfigMap]:
    """The settings of all processes, and those of Prefect's servers."""
    everyone = {
        **EVERYONE,
        **METRICS,
        API_URL: f"http://{SERVER.name}:{SERVER.port}/api",
        "AGENT_FLOWS_GATEWAY_HOSTS": orjson.dumps([values.host]).decode(),
    }
    found = {SETTINGS: everyone, SERVER_SETTINGS: dict(server_settings.SERVER_SETTINGS)}
    return [
        ConfigMap(metadata=ObjectMeta(name=name, labels=dict(PART_OF)), data=data)
        for name, data in found.items()
    ]
