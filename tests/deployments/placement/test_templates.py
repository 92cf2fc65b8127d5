"""Pools for containers have Prefect's own job templates with our defaults, read without a network."""

from typing import Any

import pytest
from prefect.utilities.schema_tools.validation import validate

from agents.runtime.errors import SettingsError
from agents.runtime.settings import CloudUse, load_settings
from deployments.kubernetes.manifests import files
from deployments.kubernetes.values import Values
from deployments.kubernetes.versions import of_code
from deployments.placement.policy import KINDS, Cloud, Kind
from deployments.placement.templates import base_job_template, defaults_of, with_defaults
from deployments.resources import CLOUDS, UnknownCloud, cloud_pools, clouds_in_use

IMAGE = Values().image


@pytest.mark.parametrize("cloud", [cloud for cloud in CLOUDS if cloud.containers])
@pytest.mark.parametrize("kind", KINDS)
def test_the_defaults_of_a_cloud_fit_the_variables_of_its_template(
    cloud: Cloud, kind: Kind
) -> None:
    [pool] = cloud_pools([CloudUse(name=cloud.name, runs=kind)], IMAGE)
    template = with_defaults(base_job_template(pool.type), dict(pool.variables))
    assert set(template) == {"job_configuration", "variables"}
    values = {n: one.get("default") for n, one in template["variables"]["properties"].items()}
    assert {name: values[name] for name, _ in pool.variables} == dict(pool.variables)
    assert not validate(dict(pool.variables), template["variables"], ignore_required=True)


def test_a_push_pool_has_the_variables_of_the_pool_with_a_worker() -> None:
    assert base_job_template("ecs:push") == base_job_template("ecs") != {}


@pytest.mark.parametrize("cloud", [cloud for cloud in CLOUDS if cloud.containers])
def test_containers_run_the_image_of_the_manifests(cloud: Cloud) -> None:
    """The same image, in the place where Prefect's template of this cloud has it."""
    [pool] = cloud_pools([CloudUse(name=cloud.name, runs="push")], IMAGE)
    template = with_defaults(base_job_template(pool.type), dict(pool.variables))
    job = template["job_configuration"]
    assert places_of("{{ image }}", job), "the template uses it"
    assert defaults_of(template, ["image"]) == {"image": IMAGE}
    manifests = "\n".join(files(Values(), of_code()).values())
    assert f"image: {IMAGE}" in manifests
    assert f"--image\n        - {IMAGE}" in manifests, "the Job that declares pools names it"


def places_of(text: str, node: Any) -> list[str]:
    """The keys under which a template has this text."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    return [
        place
        for key, value in pairs
        for place in (
            places_of(text, value)
            if isinstance(value, (dict, list))
            else [str(key)] * (value == text)
        )
    ]


def test_azure_starts_the_command_of_a_run_and_no_script_of_prefects_images() -> None:
    [pool] = cloud_pools([CloudUse(name="azure", runs="push")], IMAGE)
    assert defaults_of(base_job_template(pool.type), ["entrypoint"])["entrypoint"]
    template = with_defaults(base_job_template(pool.type), dict(pool.variables))
    assert defaults_of(template, ["entrypoint"]) == {"entrypoint": ""}


def test_containers_without_an_image_are_refused() -> None:
    with pytest.raises(UnknownCloud, match="containers of aws need --image"):
        cloud_pools([CloudUse(name="aws", runs="containers")])


def test_a_default_that_is_no_variable_is_refused() -> None:
    with pytest.raises(ValueError, match="has no variable cpus"):
        with_defaults(base_job_template("ecs"), {"cpus": 2})


def test_a_cloud_without_containers_or_of_no_declaration_is_refused() -> None:
    with pytest.raises(UnknownCloud, match="without a cluster for alibaba"):
        cloud_pools([CloudUse(name="alibaba", runs="push")], IMAGE)
    with pytest.raises(UnknownCloud, match="ovh is not declared"):
        clouds_in_use([CloudUse(name="ovh")])


def test_the_setting_names_clouds_and_how_runs_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_FLOWS_CLOUDS", '[{"name": "gcp"}, {"name": "aws", "runs": "push"}]')
    pools = cloud_pools(load_settings().clouds, IMAGE)
    assert [(pool.name, pool.type) for pool in pools] == [("aws", "ecs:push"), ("gcp", "process")]
    monkeypatch.setenv("AGENT_FLOWS_CLOUDS", '[{"name": "gcp", "runs": "vm"}]')
    with pytest.raises(SettingsError, match="AGENT_FLOWS_CLOUDS"):
        load_settings()
