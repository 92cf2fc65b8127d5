"""An emulator of Kubernetes' API that refuses what a server with strict validation refuses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import attrs
import yaml
from kmock import (
    KubernetesEmulator,
    KubernetesError,
    Request,
    ResourceInfo,
    Server,
    action,
    resource,
)

from tests.deployments.kubernetes.validation import problems

Json = dict[str, Any]
NUMBERED = "x7k2p"


@attrs.define(kw_only=True)
class StrictCluster(KubernetesEmulator):
    """It validates what is created, names it, and keeps every request in `seen`."""

    seen: list[Request] = attrs.field(factory=list)

    async def _handle(self, request: Request) -> Any:
        self.seen.append(request)
        if request.action == action.CREATE and request.subresource is None:
            metadata = request.data["metadata"]
            if wrong := problems(request.data):
                answer = KubernetesError(status=422, reason="Invalid", message="; ".join(wrong))
                return await self._render_error(answer)
            metadata.setdefault("name", f"{metadata.get('generateName', '')}{NUMBERED}")
        return await super()._handle(request)


@dataclass
class Cluster:
    """A running emulator, and the file by which clients find it."""

    api: StrictCluster
    kubeconfig: Path
    refused: list[str] = field(default_factory=list)

    def created(self, plural: str) -> list[Json]:
        """The objects that were created and accepted."""
        return [
            found.last.raw
            for (kind, _, _), found in self.api.objects.items()
            if kind.plural == plural
        ]

    def asked(self) -> set[tuple[str, str, str]]:
        """What was asked of resources: group, resource with its part, and verb."""
        return {
            (
                str(one.resource.group),
                "/".join(filter(None, (str(one.resource.plural), one.subresource))),
                _verb(one),
            )
            for one in self.api.seen
            if one.resource is not None and one.resource.plural and one.action is not None
        }


def _verb(request: Request) -> str:
    assert request.action is not None
    if request.method.value.upper() == "PATCH":
        return "patch"
    name = str(request.action.value).lower()
    return "get" if name == "fetch" else name


@asynccontextmanager
async def emulated(folder: Path) -> AsyncIterator[Cluster]:
    """A cluster without nodes: what is created stays as it is."""
    async with StrictCluster() as api, Server(api):
        for name in ("batch/v1/jobs", "v1/pods", "v1/events"):
            api.resources[resource(name)] = ResourceInfo()
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(_config(str(api.url))))
        yield Cluster(api, kubeconfig)


def _config(url: str) -> Json:
    name = "emulated"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": url.rstrip("/")}}],
        "users": [{"name": name, "user": {"token": "none"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
