"""The compose file is that of the components, and valid."""

import json
import re
from importlib.resources import files
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from deployments.components import COMPONENTS, SECRETS, Form, Kind, of
from deployments.images.compose import FILE, SECRET_VALUES, main

VENDORED = files("check_jsonschema") / "builtin_schemas" / "vendor"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OWN = [one for one in of(Form.PRODUCTION) if one.kind is not Kind.STORE]


def test_the_committed_file_is_that_of_the_code() -> None:
    assert main(["--check"]) == 0


def test_it_is_valid_by_the_schema_of_compose_files() -> None:
    schema = json.loads((VENDORED / "compose-spec.json").read_text("utf-8"))
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert [error.message for error in validator.iter_errors(COMPOSE)] == []
    broken = {"services": {"web": {"imagee": "x"}}}
    assert list(validator.iter_errors(broken)), "the schema is one that refuses"


def test_every_component_of_production_is_a_service_with_its_replicas() -> None:
    assert SERVICES.keys() == {one.name for one in of(Form.PRODUCTION)}
    for one in OWN:
        assert SERVICES[one.name]["deploy"]["replicas"] == one.replicas[Form.PRODUCTION], one.name


def test_what_a_service_waits_for_is_there_and_can_say_that_it_is_ready() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            other = SERVICES[needed]
            is_job = other["restart"] == "no"
            assert is_job == (how["condition"] == "service_completed_successfully"), (name, needed)
            if how["condition"] == "service_healthy":
                assert "healthcheck" in other, (name, needed)


@pytest.mark.parametrize("one", OWN, ids=lambda one: one.name)
def test_a_service_is_closed_and_gets_the_secrets_that_it_needs_alone(one: Any) -> None:
    service = SERVICES[one.name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["user"].split(":")[0].isdigit()
    assert service["deploy"]["resources"]["limits"].keys() == {"memory", "cpus"}
    given = SECRETS & service["environment"].keys()
    assert given == SECRETS.intersection(one.needs)
    assert set(one.needs) <= service["environment"].keys()


def test_every_secret_is_asked_for_and_none_has_a_default() -> None:
    assert SECRET_VALUES.keys() == SECRETS
    for name, value in SECRET_VALUES.items():
        assert re.search(r"\$\{[A-Z_]+:\?\}", value), name


def test_only_the_gateway_can_be_reached_and_only_from_this_machine() -> None:
    published = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert published.keys() == {"gateway"}
    assert all(port.startswith("127.0.0.1:") for port in published["gateway"])


def test_other_containers_can_read_the_metrics_of_those_who_have_some() -> None:
    settings = "AGENT_FLOWS_METRICS_PORT", "AGENT_FLOWS_METRICS_HOST"
    found = {
        name: tuple(service["environment"].get(one) for one in settings)
        for name, service in SERVICES.items()
        if name not in {"postgresql", "redis"}
    }
    assert {name for name, given in found.items() if given == ("9464", "0.0.0.0")} == {
        *("consumer-orders", "consumer-others", "gateway", "worker-default")
    }
    assert {*found.values()} == {("9464", "0.0.0.0"), (None, None)}


def test_every_image_of_others_has_an_exact_version() -> None:
    others = {SERVICES[one.name]["image"] for one in COMPONENTS if one.kind is Kind.STORE}
    assert others
    assert all(re.search(r":\d+\.\d+(\.\d+)?$", image) for image in others)
