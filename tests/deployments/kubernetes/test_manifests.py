"""The committed manifests are those that the code makes, and every object of every overlay is valid."""

import copy
from pathlib import Path

import pytest
import yaml

from deployments.kubernetes.__main__ import FOLDER, differences, main, write, written
from deployments.kubernetes.manifests import files, objects
from deployments.kubernetes.platforms import PLATFORMS, Platform
from deployments.kubernetes.values import Values
from deployments.kubernetes.versions import of_code
from tests.deployments.kubernetes.cluster import OVERLAYS, Json, built, documents, name_of, of_kind
from tests.deployments.kubernetes.validation import NoSchema, problems


def test_the_committed_manifests_are_those_of_the_code() -> None:
    assert differences(files(Values(), of_code()), FOLDER) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_of_every_overlay_is_valid_and_has_a_schema(overlay: str) -> None:
    found = {f"{one['kind']} {one['metadata']['name']}": problems(one) for one in built(overlay)}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert len(found) == len(built(overlay)), "each object is there once"


@pytest.mark.parametrize("overlay", ["base", *OVERLAYS])
def test_every_kustomization_is_valid_and_names_files_that_are_there(overlay: str) -> None:
    [one] = documents(FOLDER / overlay / "kustomization.yaml")
    assert problems(one) == []
    named = [*one["resources"], *(patch["path"] for patch in one.get("patches", ()))]
    assert [name for name in named if not (FOLDER / overlay / name).exists()] == []


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda one: one.name)
def test_a_base_with_its_patches_is_the_whole_platform(platform: Platform) -> None:
    made = [one for some in objects(Values(), of_code(), platform).values() for one in some]
    assert sorted(built(platform.name), key=_name) == sorted(made, key=_name)


def _name(one: Json) -> str:
    return f"{one['kind']} {name_of(one)}"


def test_a_kind_without_a_schema_is_a_failure() -> None:
    with pytest.raises(NoSchema, match="Gadget has no schema"):
        problems({"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "one"}})


@pytest.mark.parametrize(
    "kind, change, place",
    [
        pytest.param("Deployment", {"replica": 2}, "replica", id="core"),
        pytest.param("ScaledObject", {"minReplicas": 1}, "minReplicas", id="keda"),
        pytest.param("ScaledObject", {"triggers": [{"metadata": {}}]}, "type", id="no-type"),
        pytest.param("ExternalSecret", {"dataForm": []}, "dataForm", id="secrets"),
        pytest.param("SecretStore", {"provider": {"alibaba": {}}}, "alibaba", id="store"),
    ],
)
def test_a_field_that_is_misspelt_or_missing_is_found(
    kind: str, change: dict[str, object], place: str
) -> None:
    broken = copy.deepcopy(of_kind("eks", kind)[0])
    broken["spec"] |= change
    assert place in " ".join(problems(broken))


def test_a_file_that_is_no_longer_made_is_deleted_and_a_changed_one_is_named(
    tmp_path: Path,
) -> None:
    wanted = files(Values(), of_code())
    assert len(write(wanted, tmp_path)) == len(wanted)
    assert write(wanted, tmp_path) == []
    (tmp_path / "eks" / "old.yaml").write_text("kind: Old\n")
    (tmp_path / "base" / "jobs.yaml").write_text("kind: Changed\n")
    assert "+kind: Old" not in differences(wanted, tmp_path)
    assert {"-kind: Old", "-kind: Changed"} <= set(differences(wanted, tmp_path))
    assert sorted(write(wanted, tmp_path)) == ["deleted eks/old.yaml", "wrote base/jobs.yaml"]
    assert written(tmp_path) == wanted


def test_the_values_of_an_installation_reach_every_object(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    own = {
        "namespace": "shop",
        "image": "ghcr.io/shop/agent-flows:2.0.1",
        "host": "shop.example.org",
    }
    values.write_text(yaml.safe_dump(own))
    out = tmp_path / "out"
    assert main(["--write", "--values", str(values), "--out", str(out)]) == 0
    text = "".join(written(out).values())
    assert "registry.example.com" not in text
    assert "flows.example.com" not in text
    assert "namespace: agent-flows\n" not in text
    assert "name: registration-2-0-1" in text, "a Job of another release is another Job"
    assert main(["--check", "--values", str(values), "--out", str(out)]) == 0
    assert main(["--check", "--out", str(out)]) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"image": "registry.example.com/agent-flows:latest"},
        {"image": "registry.example.com/agent-flows"},
        {"hosts": "a.example.com"},
        {"networks": {"database": "everywhere"}},
    ],
)
def test_wrong_values_are_refused(
    wrong: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(wrong))
    assert main(["--write", "--values", str(values), "--out", str(tmp_path / "out")]) == 1
    assert str(next(iter(wrong))) in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
