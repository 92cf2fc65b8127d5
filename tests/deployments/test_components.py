"""The description of the components fits the commands, pools and schedules that it names."""

import yaml

from deployments.check import PREFECT_YAML
from deployments.components import (
    COMPONENTS,
    CONSUMERS,
    PYTHON,
    SCHEDULED,
    SECRETS,
    WORKERS,
    Form,
    Http,
    Kind,
    component,
    of,
    with_needed,
)
from deployments.resources import POOLS
from flows.workflows import WORKFLOWS


def test_names_are_unique() -> None:
    names = [one.name for one in (*COMPONENTS, *SCHEDULED)]
    assert len(set(names)) == len(names)


def test_each_comes_after_what_it_needs() -> None:
    seen: set[str] = set()
    for one in COMPONENTS:
        assert seen.issuperset(one.after), one.name
        seen.add(one.name)


def test_every_pool_has_a_worker() -> None:
    assert [one.name for one in WORKERS] == [f"worker-{pool.name}" for pool in POOLS]


def test_every_consumer_names_a_scenario() -> None:
    names = {one.name.removeprefix("consumer-") for one in CONSUMERS}
    assert names - {"others"} <= WORKFLOWS.keys()
    [rest] = [one for one in CONSUMERS if one.name == "consumer-others"]
    assert set(rest.command[4::2]) == names - {"others"}


def test_every_schedule_is_declared() -> None:
    text = PREFECT_YAML.read_text(encoding="utf-8")
    declared = {
        (one["name"], schedule["slug"])
        for one in yaml.safe_load(text)["deployments"]
        for schedule in one.get("schedules", ())
    }
    assert {(one.deployment.partition("/")[2], one.schedule) for one in SCHEDULED} <= declared


def test_only_stores_have_no_command_and_one_that_is_asked_over_http_has_a_port() -> None:
    for one in COMPONENTS:
        assert (one.kind is Kind.STORE) == (not one.command)
        assert one.port or not isinstance(one.health, Http)
        assert one.kind is Kind.STORE or one.command[0] == PYTHON


def test_a_single_component_has_one_replica() -> None:
    assert all(max(one.replicas.values()) == 1 for one in COMPONENTS if one.single)


def test_a_command_gets_interpreter_and_address() -> None:
    argv = component("gateway").argv(Form.LAPTOP, "/venv/python", "127.0.0.1", 8484)
    assert argv[0] == "/venv/python"
    assert argv[-3:] == ["127.0.0.1", "--port", "8484"]


def test_the_services_are_a_part_of_a_laptops_server_only() -> None:
    server = component("prefect-server")
    assert "--no-services" not in server.argv(Form.LAPTOP, "python")
    assert "--no-services" in server.argv(Form.PRODUCTION, "python")


def test_what_is_needed_comes_along() -> None:
    names = [one.name for one in with_needed(["gateway"])]
    assert names == [
        *("postgresql", "redis", "prefect-migrations", "prefect-server", "migrations", "gateway")
    ]


def test_no_secret_is_an_argument() -> None:
    words = {word for one in COMPONENTS for word in one.command}
    sets = {name for one in COMPONENTS for name in one.sets}
    assert words.isdisjoint(SECRETS)
    assert sets.isdisjoint(SECRETS)


def test_a_laptop_needs_no_store_of_others() -> None:
    assert "postgresql" not in {one.name for one in of(Form.LAPTOP)}
