"""What no manifest of ours may do, held for every object of every overlay."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from deployments.components import COMPONENTS, SECRETS, Form, Kind
from deployments.images.compose import SECRET_VALUES
from deployments.in_memory import STATE_OF, in_memory_defaults
from tests.deployments.kubernetes.cluster import (
    OVERLAYS,
    WORKLOADS,
    Json,
    containers_of,
    name_of,
    of_kind,
    pod_of,
)

pytestmark = pytest.mark.parametrize("overlay", OVERLAYS)

EXACT = re.compile(r":v?\d+(\.\d+)+[\w.-]*$|@sha256:[0-9a-f]{64}$")


def workloads(overlay: str) -> list[Json]:
    return of_kind(overlay, *WORKLOADS)


def containers(overlay: str) -> Iterator[tuple[str, Json]]:
    for one in workloads(overlay):
        yield from ((f"{name_of(one)}/{part['name']}", part) for part in containers_of(one))


def test_no_container_is_root_or_can_become_it(overlay: str) -> None:
    for name, one in containers(overlay):
        context = one["securityContext"]
        assert context["runAsNonRoot"], name
        assert context["runAsUser"] >= 1_000, name
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["privileged"] is False, name
        assert context["capabilities"] == {"drop": ["ALL"]}, name


def test_no_container_writes_to_its_image_and_every_pod_has_a_seccomp_profile(overlay: str) -> None:
    for name, one in containers(overlay):
        assert one["securityContext"]["readOnlyRootFilesystem"], name
        assert {"/tmp", "/data"} <= {mount["mountPath"] for mount in one["volumeMounts"]}, name
    for one in workloads(overlay):
        pod = pod_of(one)["spec"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name_of(one)
        assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(pod), name_of(one)
        assert not any("hostPath" in volume for volume in pod["volumes"]), name_of(one)


def test_every_image_has_an_exact_version(overlay: str) -> None:
    assert [n for n, one in containers(overlay) if not EXACT.search(one["image"])] == []


def test_every_container_asks_for_what_it_needs_and_has_limits(overlay: str) -> None:
    for name, one in containers(overlay):
        assert {"cpu", "memory"} <= one["resources"]["requests"].keys(), name
        assert {"cpu", "memory"} <= one["resources"]["limits"].keys(), name


def test_roles_name_what_they_allow_and_nothing_is_allowed_in_the_whole_cluster(
    overlay: str,
) -> None:
    assert of_kind(overlay, "ClusterRole", "ClusterRoleBinding") == []
    for role in of_kind(overlay, "Role"):
        for rule in role["rules"]:
            assert not [part for part in rule.values() if "*" in part], name_of(role)
            assert "secrets" not in rule["resources"], name_of(role)


def test_only_who_calls_the_cluster_has_a_token_of_it(overlay: str) -> None:
    bound = {
        subject["name"] for one in of_kind(overlay, "RoleBinding") for subject in one["subjects"]
    }
    accounts = {name_of(one) for one in of_kind(overlay, "ServiceAccount")}
    for one in workloads(overlay):
        pod = pod_of(one)["spec"]
        assert pod["serviceAccountName"] in accounts, name_of(one)
        assert pod["automountServiceAccountToken"] == (pod["serviceAccountName"] in bound), name_of(
            one
        )
    for account in of_kind(overlay, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False, name_of(account)


def test_no_secret_is_in_a_manifest(overlay: str) -> None:
    assert of_kind(overlay, "Secret") == []
    copied = {name_of(one) for one in of_kind(overlay, "ExternalSecret")}
    for name, one in containers(overlay):
        for variable in one.get("env", ()):
            if variable["name"] in SECRETS:
                assert variable.keys() == {"name", "valueFrom"}, (name, variable)
            if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                assert reference["name"] in copied, (name, variable)
    for settings in of_kind(overlay, "ConfigMap"):
        assert settings["data"].keys().isdisjoint(SECRETS), name_of(settings)


def test_each_component_gets_the_secrets_that_it_needs_and_no_others(overlay: str) -> None:
    needed = {one.name: SECRETS.intersection(one.needs) for one in COMPONENTS}
    for name, one in containers(overlay):
        component = name.rpartition("/")[2]
        if component in needed:
            given = {variable["name"] for variable in one.get("env", ()) if "valueFrom" in variable}
            assert given == needed[component], name


def test_every_process_and_job_of_an_installation_is_there(overlay: str) -> None:
    names = {name.rpartition("/")[2] for name, _ in containers(overlay)}
    wanted = {
        one.name
        for one in COMPONENTS
        if one.kind is not Kind.STORE
        if one.replicas[Form.PRODUCTION]
        if not one.name.startswith("consumer-")  # one for each version instead
    }
    assert wanted - names == set()


def test_where_there_may_be_several_pods_they_are_spread_and_not_all_moved_at_once(
    overlay: str,
) -> None:
    budgets = [
        one["spec"]["selector"]["matchLabels"] for one in of_kind(overlay, "PodDisruptionBudget")
    ]
    for one in of_kind(overlay, "Deployment"):
        if one["spec"].get("replicas") == 1:
            continue
        labels = pod_of(one)["metadata"]["labels"]
        assert [b for b in budgets if b.items() <= labels.items()], name_of(one)
        keys = {rule["topologyKey"] for rule in pod_of(one)["spec"]["topologySpreadConstraints"]}
        assert keys == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}, name_of(one)


def test_every_selector_finds_its_pods(overlay: str) -> None:
    pods = [pod_of(one)["metadata"]["labels"] for one in workloads(overlay)]
    for one in of_kind(overlay, "Service", "PodDisruptionBudget", "Deployment"):
        selector = one["spec"]["selector"]
        wanted = selector.get("matchLabels", selector)
        assert [labels for labels in pods if wanted.items() <= labels.items()], name_of(one)


def test_every_class_and_volume_that_a_pod_names_is_there(overlay: str) -> None:
    classes = {name_of(one) for one in of_kind(overlay, "PriorityClass")}
    claims = {name_of(one) for one in of_kind(overlay, "PersistentVolumeClaim")}
    for one in workloads(overlay):
        pod = pod_of(one)["spec"]
        assert pod["priorityClassName"] in classes, name_of(one)
        used = {
            v["persistentVolumeClaim"]["claimName"]
            for v in pod["volumes"]
            if "persistentVolumeClaim" in v
        }
        assert used <= claims, name_of(one)
        volumes = {volume["name"] for volume in pod["volumes"]}
        mounted = {m["name"] for part in containers_of(one) for m in part["volumeMounts"]}
        assert mounted == volumes, name_of(one)


def test_every_port_that_a_service_or_a_probe_names_is_open(overlay: str) -> None:
    deployments = of_kind(overlay, "Deployment")
    for service in of_kind(overlay, "Service"):
        wanted = service["spec"]["selector"]
        [behind] = [
            d for d in deployments if wanted.items() <= pod_of(d)["metadata"]["labels"].items()
        ]
        [container] = pod_of(behind)["spec"]["containers"]
        opened = {port["name"]: port["containerPort"] for port in container["ports"]}
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in opened, name_of(service)
        probes: list[Any] = [
            container[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness")
        ]
        assert {probe["httpGet"]["port"] for probe in probes} <= opened.keys(), name_of(service)


def test_several_servers_and_gateways_keep_nothing_in_their_own_memory(overlay: str) -> None:
    settings = {name_of(one): one["data"] for one in of_kind(overlay, "ConfigMap")}
    asked = set[str]()
    for one in of_kind(overlay, "Deployment"):
        [container] = pod_of(one)["spec"]["containers"]
        given = {variable["name"] for variable in container["env"]}
        environment = {name: value for name, value in SECRET_VALUES.items() if name in given}
        for source in container["envFrom"]:
            environment |= settings.get(source.get("configMapRef", {}).get("name"), {})
        replicas = one["spec"].get("replicas", 2)
        assert in_memory_defaults(name_of(one), environment, replicas) == []
        asked.add(name_of(one))
    assert STATE_OF.keys() <= asked


def test_prefects_servers_are_closed_and_forget(overlay: str) -> None:
    """Other origins, forms without a token, and events for ever: each is a default of Prefect."""
    [servers] = [one for one in of_kind(overlay, "ConfigMap") if name_of(one) == "prefect-server"]
    assert servers["data"]["PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS"] != "*"
    assert servers["data"]["PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED"] == "true"
    assert servers["data"]["PREFECT_SERVER_EVENTS_RETENTION_PERIOD"] == "P7D"
    # Somebody must register the types of Prefect's blocks.
    assert "PREFECT_SERVER_REGISTER_BLOCKS_ON_START" not in servers["data"]
