"""The kinds that Kubernetes itself does not have: of KEDA and of the External Secrets operator.

`lightkube` has no models of them. Each class has the fields that we set, and no others.
Sources: https://keda.sh/docs/latest/reference/scaledobject-spec/ and
https://external-secrets.io/latest/api/externalsecret/.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ScaledObject:
    """How many pods of a Deployment KEDA keeps, by a number that a query returns.

    `least` and `most` bound the pods; `fallback` are the pods at least while the database does not answer.
    """

    api_version: ClassVar[str] = "keda.sh/v1alpha1"
    kind: ClassVar[str] = "ScaledObject"

    name: str
    least: int
    most: int
    fallback: int
    query: str
    authentication: str
    labels: Mapping[str, str]

    POLL_SECONDS: ClassVar[int] = 15
    # The number falls evenly over the queue's own cooldown already.
    COOLDOWN_SECONDS: ClassVar[int] = 60
    FAILURES: ClassVar[int] = 3  # looks in a row without an answer

    def to_dict(self) -> Json:
        """The manifest."""
        trigger = {
            "type": "postgresql",
            # An average of one a pod: as many pods as the query says.
            "metadata": {
                "query": self.query,
                "targetQueryValue": "1",
                "activationTargetQueryValue": "0",
            },
            "authenticationRef": {"name": self.authentication},
        }
        at_once = {"stabilizationWindowSeconds": 0}
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": {"name": self.name, "labels": dict(self.labels)},
            "spec": {
                "scaleTargetRef": {"name": self.name},
                "pollingInterval": self.POLL_SECONDS,
                "cooldownPeriod": self.COOLDOWN_SECONDS,
                "minReplicaCount": self.least,
                "maxReplicaCount": self.most,
                "fallback": {
                    "failureThreshold": self.FAILURES,
                    "replicas": self.fallback,
                    "behavior": "currentReplicasIfHigher",
                },
                "advanced": {
                    "horizontalPodAutoscalerConfig": {
                        "behavior": {"scaleUp": at_once, "scaleDown": at_once}
                    }
                },
                "triggers": [trigger],
            },
        }


@dataclass(frozen=True, slots=True)
class TriggerAuthentication:
    """From which key of which Secret KEDA takes the database's address."""

    api_version: ClassVar[str] = "keda.sh/v1alpha1"
    kind: ClassVar[str] = "TriggerAuthentication"

    name: str
    secret: str
    key: str
    labels: Mapping[str, str]

    def to_dict(self) -> Json:
        """The manifest."""
        reference = {"parameter": "connection", "name": self.secret, "key": self.key}
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": {"name": self.name, "labels": dict(self.labels)},
            "spec": {"secretTargetRef": [reference]},
        }


@dataclass(frozen=True, slots=True)
class ExternalSecret:
    """A Secret that the operator copies from the store of the installation.

    `keys` are copied from the entry `remote` one by one; without any, all that the entry has.
    """

    api_version: ClassVar[str] = "external-secrets.io/v1"
    kind: ClassVar[str] = "ExternalSecret"

    name: str
    store: str
    remote: str
    labels: Mapping[str, str]
    keys: tuple[str, ...] = ()

    def to_dict(self) -> Json:
        """The manifest."""
        spec: Json = {
            "refreshInterval": "1h",
            "secretStoreRef": {"kind": "SecretStore", "name": self.store},
            "target": {"name": self.name, "creationPolicy": "Owner", "deletionPolicy": "Retain"},
        }
        if self.keys:
            spec["data"] = [
                {"secretKey": key, "remoteRef": {"key": self.remote, "property": key}}
                for key in self.keys
            ]
        else:
            spec["dataFrom"] = [{"extract": {"key": self.remote}}]
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": {"name": self.name, "labels": dict(self.labels)},
            "spec": spec,
        }


@dataclass(frozen=True, slots=True)
class SecretStore:
    """Where the installation's secrets are; `provider` is what the operator's reference says of it."""

    api_version: ClassVar[str] = "external-secrets.io/v1"
    kind: ClassVar[str] = "SecretStore"

    name: str
    provider: Mapping[str, Json]
    labels: Mapping[str, str]

    def to_dict(self) -> Json:
        """The manifest."""
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": {"name": self.name, "labels": dict(self.labels)},
            "spec": {"provider": dict(self.provider)},
        }
