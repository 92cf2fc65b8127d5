"""Pools for containers have Prefect's own job templates with our defaults, read without a network."""

import pytest
from prefect.utilities.schema_tools.validation import validate

from agents.runtime.errors import SettingsError
from agents.runtime.settings import CloudUse, load_settings
from deployments.placement.policy import KINDS, Cloud, Kind
from deployments.placement.templates import base_job_template, with_defaults
from deployments.resources import CLOUDS, UnknownCloud, cloud_pools, clouds_in_use


@pytest.mark.parametrize("cloud", [cloud for cloud in CLOUDS if cloud.containers])
@pytest.mark.parametrize("kind", KINDS)
def test_the_defaults_of_a_cloud_fit_the_variables_of_its_template(
    cloud: Cloud, kind: Kind
) -> None:
    [pool] = cloud_pools([CloudUse(name=cloud.name, runs=kind)])
    template = with_defaults(base_job_template(pool.type), dict(pool.variables))
    assert set(template) == {"job_configuration", "variables"}
    values = {n: one.get("default") for n, one in template["variables"]["properties"].items()}
    assert {name: values[name] for name, _ in pool.variables} == dict(pool.variables)
    assert not validate(dict(pool.variables), template["variables"], ignore_required=True)


def test_a_push_pool_has_the_variables_of_the_pool_with_a_worker() -> None:
    assert base_job_template("ecs:push") == base_job_template("ecs") != {}


def test_a_default_that_is_no_variable_is_refused() -> None:
    with pytest.raises(ValueError, match="has no variable cpus"):
        with_defaults(base_job_template("ecs"), {"cpus": 2})


def test_a_cloud_without_containers_or_of_no_declaration_is_refused() -> None:
    with pytest.raises(UnknownCloud, match="without a cluster for alibaba"):
        cloud_pools([CloudUse(name="alibaba", runs="push")])
    with pytest.raises(UnknownCloud, match="ovh is not declared"):
        clouds_in_use([CloudUse(name="ovh")])


def test_the_setting_names_clouds_and_how_runs_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_FLOWS_CLOUDS", '[{"name": "gcp"}, {"name": "aws", "runs": "push"}]')
    pools = cloud_pools(load_settings().clouds)
    assert [(pool.name, pool.type) for pool in pools] == [("aws", "ecs:push"), ("gcp", "process")]
    monkeypatch.setenv("AGENT_FLOWS_CLOUDS", '[{"name": "gcp", "runs": "vm"}]')
    with pytest.raises(SettingsError, match="AGENT_FLOWS_CLOUDS"):
        load_settings()
