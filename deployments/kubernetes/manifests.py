"""All manifests of an installation: a base, and for each platform what differs from it.

An overlay is written as `kubectl apply -k` reads it: whole objects that the base does not have, and RFC
6902 patches of those that it has. Both follow from the whole objects of the platform, so that what is
validated here is what the cluster gets.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from jsonpatch import JsonPatch
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.models.networking_v1 import (
    HTTPIngressPath,
    HTTPIngressRuleValue,
    IngressBackend,
    IngressRule,
    IngressServiceBackend,
    IngressSpec,
    IngressTLS,
    ServiceBackendPort,
)
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.networking_v1 import Ingress

from deployments.components import GATEWAY
from deployments.kubernetes import access, network, secrets, settings, storage, workloads
from deployments.kubernetes.platforms import PLATFORMS, Platform
from deployments.kubernetes.pods import labels_of
from deployments.kubernetes.values import Values
from deployments.kubernetes.versions import AgentVersion

Json = dict[str, Any]
BASE, KUSTOMIZATION = "base", "kustomization.yaml"
HEADER = "# Written by `python -m deployments.kubernetes --write`: change the code or the values instead.\n"
CLUSTER_WIDE = {"Namespace", "PriorityClass"}


def objects(
    values: Values, versions: Sequence[AgentVersion], platform: Platform | None
) -> dict[str, list[Json]]:
    """All objects of a platform by the file that they are in; without a platform, those of the base."""
    consumers = list(workloads.consumers(versions, values, platform))
    servers = list(workloads.servers(values))
    gateway = workloads.gateway(values, platform)
    workers = workloads.workers(values)
    running = [
        one for one in (*servers, *gateway, *workers, *consumers) if isinstance(one, Deployment)
    ]
    files: dict[str, Sequence[Any]] = {
        "namespace": [access.namespace(values), *access.priorities()],
        "access": [*access.accounts(values, platform), *access.launching(values)],
        "settings": settings.config_maps(values),
        "secrets": [*secrets.external_secrets(values), secrets.scaler()],
        "network": network.policies(values),
        "servers": servers,
        "jobs": workloads.jobs(values),
        "gateway": gateway,
        "workers": workers,
        "consumers": consumers,
        "budgets": workloads.budgets(running),
        "backups": storage.backups(values),
    }
    if platform is not None:
        files |= {
            "store": [secrets.store(values, platform)],
            "storage": storage.claims(platform),
            "ingress": [_ingress(values, platform), network.balancer(platform)],
        }
    return {
        file: [_placed(one.to_dict(), values) for one in found] for file, found in files.items()
    }


def files(values: Values, versions: Sequence[AgentVersion]) -> dict[str, str]:
    """The text of each file by its path: the base and every overlay."""
    base = objects(values, versions, None)
    found = {f"{BASE}/{file}.yaml": _text(some) for file, some in base.items()}
    found[f"{BASE}/{KUSTOMIZATION}"] = _text([_kustomization([f"{file}.yaml" for file in base])])
    for platform in PLATFORMS:
        whole = objects(values, versions, platform)
        found |= {f"{platform.name}/{name}": text for name, text in _overlay(base, whole)}
    return found


def _overlay(
    base: Mapping[str, list[Json]], whole: Mapping[str, list[Json]]
) -> Iterator[tuple[str, str]]:
    own = [file for file in whole if file not in base]
    paths, patches = dict[str, str](), list[Json]()  # the same patch of several objects is one file
    for file in base:
        for before, after in zip(base[file], whole[file], strict=True):
            if before != after:
                text = _text([list(JsonPatch.from_diff(before, after))])
                number = sum(path.startswith(f"patches/{file}") for path in paths.values())
                path = paths.setdefault(text, f"patches/{file}{number or ''}.yaml")
                patches.append({"path": path, "target": _target(after)})
    yield from ((path, text) for text, path in paths.items())
    for file in own:
        yield f"{file}.yaml", _text(whole[file])
    yield (
        KUSTOMIZATION,
        _text([_kustomization([f"../{BASE}", *(f"{f}.yaml" for f in own)], patches)]),
    )


def _kustomization(resources: list[str], patches: list[Json] | None = None) -> Json:
    found: Json = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    return found | {"resources": resources} | ({"patches": patches} if patches else {})


def _target(one: Json) -> Json:
    group, _, version = one["apiVersion"].rpartition("/")
    place = {"group": group} if group else {}
    return place | {"version": version, "kind": one["kind"], "name": one["metadata"]["name"]}


def _placed(one: Json, values: Values) -> Json:
    """The object in its namespace, with the fields in the order in which people read them."""
    metadata = dict(one["metadata"])
    if one["kind"] not in CLUSTER_WIDE:
        metadata = {"name": metadata.pop("name"), "namespace": values.namespace} | metadata
    rest = {
        key: value for key, value in one.items() if key not in {"apiVersion", "kind", "metadata"}
    }
    return {"apiVersion": one["apiVersion"], "kind": one["kind"], "metadata": metadata} | rest


class _Plain(yaml.CSafeDumper):
    """Without anchors: every value where it belongs. In C, since in Python it takes seconds."""

    def ignore_aliases(self, _data: object) -> bool:
        """Never refer to a value that was written before."""
        return True


def _text(documents: Sequence[Any]) -> str:
    several = len(documents) > 1
    text: str = yaml.dump_all(
        documents, Dumper=_Plain, sort_keys=False, width=1_000, explicit_start=several
    )
    return HEADER + text


def _ingress(values: Values, platform: Platform) -> Ingress:
    """The gateway under the installation's host name; Prefect's UI has no way in from outside."""
    annotations = platform.ingress(values)
    if platform.class_by_annotation:
        annotations = annotations | {"kubernetes.io/ingress.class": platform.ingress_class}
    backend = IngressServiceBackend(name=GATEWAY.name, port=ServiceBackendPort(name="http"))
    path = HTTPIngressPath(path="/", pathType="Prefix", backend=IngressBackend(service=backend))
    rule = IngressRule(host=values.host, http=HTTPIngressRuleValue(paths=[path]))
    return Ingress(
        metadata=ObjectMeta(
            name=GATEWAY.name, labels=labels_of(GATEWAY.name), annotations=annotations or None
        ),
        spec=IngressSpec(
            ingressClassName=None if platform.class_by_annotation else platform.ingress_class,
            rules=[rule],
            tls=[IngressTLS(hosts=[values.host], secretName="gateway-tls")],
        ),
    )
