"""Secrets: none is in a manifest. The External Secrets operator copies them from the installation's store.

The names of the entries begin with `values.secrets`: `agent-flows-journal` has the keys
`AGENT_FLOWS_JOURNAL_URL` and `AGENT_FLOWS_REDIS_URL`, and so on.
"""

from deployments.components import CLIENT_AUTH, PREFECT_SERVER, SECRETS
from deployments.kubernetes.custom_resources import (
    ExternalSecret,
    SecretStore,
    TriggerAuthentication,
)
from deployments.kubernetes.platforms import Platform
from deployments.kubernetes.pods import PART_OF, PLATFORM_SECRETS
from deployments.kubernetes.values import Values

STORE = "agent-flows"
SCALER, SCALER_KEY = "scaler", "connection"
BACKUPS = {"journal-backup": "journal", "prefect-backup": "prefect"}  # Secret -> database
CONNECTION = ("PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD")

# Each Secret with its keys; one without gets all that its entry has.
ENTRIES = {
    "journal": ("AGENT_FLOWS_JOURNAL_URL", "AGENT_FLOWS_REDIS_URL"),
    "prefect-server": tuple(name for name in PREFECT_SERVER if name in SECRETS),
    "prefect-client": (CLIENT_AUTH,),
    PLATFORM_SECRETS: (),
    SCALER: (SCALER_KEY,),
    **dict.fromkeys(BACKUPS, CONNECTION),
}


def external_secrets(values: Values) -> list[ExternalSecret]:
    """Every Secret of the installation."""
    return [
        ExternalSecret(name, STORE, f"{values.secrets}-{name}", PART_OF, keys)
        for name, keys in ENTRIES.items()
    ]


def store(values: Values, platform: Platform) -> SecretStore:
    """Where the platform keeps them."""
    return SecretStore(STORE, platform.store(values), PART_OF)


def scaler() -> TriggerAuthentication:
    """The address of the journal with the role that may read the scaling view alone."""
    return TriggerAuthentication(SCALER, SCALER, SCALER_KEY, PART_OF)
