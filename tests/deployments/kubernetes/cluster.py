"""The manifests that a cluster gets: the committed base with the patches of each overlay, as read back."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonpatch import JsonPatch

from deployments.kubernetes.__main__ import FOLDER

Json = dict[str, Any]
OVERLAYS = ("ack", "aks", "eks", "gke", "plain")
WORKLOADS = {"Deployment", "Job", "CronJob"}


@cache
def documents(path: Path) -> list[Any]:
    """The documents of a file, read once and by libyaml: ten times as quick as in Python."""
    with path.open(encoding="utf-8") as file:
        return list(yaml.load_all(file, Loader=yaml.CSafeLoader))


@cache
def built(overlay: str) -> tuple[Json, ...]:
    """All objects of an overlay, put together as kustomize does from the same files."""
    folder = FOLDER / overlay
    [kustomization] = documents(folder / "kustomization.yaml")
    objects = list[Json]()
    for name in kustomization["resources"]:
        path = folder / name
        if path.is_dir():
            [base] = documents(path / "kustomization.yaml")
            objects += [one for file in base["resources"] for one in documents(path / file)]
        else:
            objects += documents(path)
    for patch in kustomization.get("patches", ()):
        [index] = [n for n, one in enumerate(objects) if target(one) == patch["target"]]
        [operations] = documents(folder / patch["path"])
        objects[index] = JsonPatch(operations).apply(objects[index])
    return tuple(objects)


def target(one: Json) -> Json:
    group, _, version = one["apiVersion"].rpartition("/")
    found = {"version": version, "kind": one["kind"], "name": one["metadata"]["name"]}
    return found | ({"group": group} if group else {})


def of_kind(overlay: str, *kinds: str) -> list[Json]:
    return [one for one in built(overlay) if one["kind"] in kinds]


def pod_of(one: Json) -> Json:
    """The pod template of a workload."""
    spec = one["spec"]
    if one["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    found: Json = spec["template"]
    return found


def containers_of(one: Json) -> list[Json]:
    pod = pod_of(one)["spec"]
    return [*pod.get("initContainers", ()), *pod["containers"]]


def name_of(one: Json) -> str:
    return str(one["metadata"]["name"])
