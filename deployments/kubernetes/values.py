"""What one installation sets: image, host, networks, and names of its cloud. The defaults are examples."""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$")]
Cidr = Annotated[str, Field(pattern=r"^(\d{1,3}\.){3}\d{1,3}/\d{1,2}$")]
# A tag names a version: `latest`, or none, would be another image at each start.
Image = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9.:-]+(/[a-z0-9._-]+)+(:v?\d+(\.\d+){1,3}[\w.-]*|@sha256:[0-9a-f]{64})$"
    ),
]


class Networks(BaseModel):
    """From where and to where traffic is let through; everything else is closed.

    Args:
        database: Addresses of the PostgreSQL server.
        redis: Addresses of the Redis or Valkey server.
        api_server: Addresses of the cluster's own API, which workers of the Kubernetes pool call.
        private: Addresses that HTTPS to the outside does not reach.

    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    database: Cidr = "10.20.0.0/24"
    redis: Cidr = "10.20.1.0/24"
    api_server: Cidr = "10.96.0.1/32"
    private: tuple[Cidr, ...] = (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
        "169.254.0.0/16",  # where clouds answer with credentials of the node
    )


class Cloud(BaseModel):
    """Names in the account of a cloud; each overlay reads those that it knows.

    Args:
        identity: What may read the secrets: an IAM role (EKS), a service account (GKE) or a client id (AKS).
        region: Region of the secrets (EKS).
        project: Project of the secrets (GKE).
        vault: Address of the secrets: an Azure Key Vault (AKS), a HashiCorp Vault (ACK and plain clusters).
        certificate: Certificate of the load balancer (EKS).

    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity: str = "agent-flows"
    region: str = "eu-central-1"
    project: str = "example-project"
    vault: str = "https://vault.example.com"
    certificate: str = "arn:aws:acm:eu-central-1:123456789012:certificate/example"


class Values(BaseModel):
    """What differs between two installations of the same release."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: Name = "agent-flows"
    image: Image = "registry.example.com/agent-flows:0.1.0"
    backup_image: Image = "docker.io/library/postgres:18.1"
    monitoring: Name = Field(
        "monitoring", description="namespace of the Prometheus that may scrape"
    )
    host: Annotated[str, Field(pattern=r"^[a-z0-9.-]{1,253}$")] = "flows.example.com"
    secrets: Name = Field(
        "agent-flows", description="first part of the names in the store of secrets"
    )
    backup_days: Annotated[int, Field(ge=1, le=365)] = 14
    networks: Networks = Networks()
    cloud: Cloud = Cloud()

    @property
    def release(self) -> str:
        """The image's version as a part of a name: a Job of another release is another Job."""
        found = self.image.rpartition("@sha256:")[2][:12] if "@" in self.image else ""
        return found or self.image.rpartition(":")[2].lower().replace(".", "-").replace("_", "-")


def load(path: Path) -> Values:
    """The values of a YAML file. Raises OSError, yaml.YAMLError and pydantic.ValidationError."""
    return Values.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
