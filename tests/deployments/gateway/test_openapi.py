"""The description of the API: served once made, complete for each route, with models and examples."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter

from agents.runtime.errors import MissingExtra
from agents.runtime.model.scenario import Scenario
from deployments.gateway import openapi
from deployments.gateway.app import create_app
from deployments.gateway.openapi import document
from flows.workflows import WORKFLOWS
from tests.deployments.gateway.conftest import by_name

WITHOUT_EXAMPLE = {
    "candidates",
    "comparisons",
}  # of hundreds of lines, and made by the workflow itself
TAKING = {name for name, one in WORKFLOWS.items() if one.scenario.validate}


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """SQLite alone: nothing here is about SQL."""
    return sqlite_url


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(create_app(by_name))


def operations(described: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, item in described["paths"].items()
        for method, operation in item.items()
    ]


def examples(scenario: Scenario) -> list[Any]:
    found: list[Any] = TypeAdapter(scenario.payload).json_schema().get("examples", [])
    return found


def test_the_events_that_are_sent_out_are_described(described: dict[str, Any]) -> None:
    event = described["webhooks"]["item-event"]["post"]
    model = event["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert described["components"]["schemas"][model]["required"] == ["type", "timestamp", "data"]
    assert "webhook-signature" in event["description"]
    assert event["responses"].keys() == {"2XX"}


async def test_the_document_is_served_once_made_and_again_by_its_tag(
    client: httpx.AsyncClient, gateway: FastAPI
) -> None:
    first = await client.get("/openapi.json", headers={"x-test-principal": ""})
    assert first.json()["openapi"].startswith("3.1")
    gateway.state.openapi = (b"as it was made", gateway.state.openapi[1])
    second = await client.get("/openapi.json")
    assert second.content == b"as it was made"
    tag = {"if-none-match": first.headers["etag"]}
    assert (await client.get("/openapi.json", headers=tag)).status_code == 304


def test_each_operation_has_problems_credentials_and_a_version(described: dict[str, Any]) -> None:
    for name, operation in operations(described):
        assert {"400", "4XX", "5XX"} <= operation["responses"].keys(), name
        assert "HTTPValidationError" not in str(operation), name
        is_public = operation["security"] == []
        assert ("401" in operation["responses"]) is not is_public, name
        named = [parameter["name"] for parameter in operation.get("parameters", [])]
        assert ("Agent-Flows-Version" in named) is not is_public, name
    assert len({one["operationId"] for _, one in operations(described)}) == len(
        operations(described)
    )


def test_all_references_lead_to_a_component(described: dict[str, Any]) -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            here = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return here + [one for inner in value.values() for one in references(inner)]
        return (
            [one for inner in value for one in references(inner)] if isinstance(value, list) else []
        )

    for reference in references(described):
        _, kind, name = reference.removeprefix("#/").split("/")
        assert name in described["components"][kind], reference


def test_each_workflow_that_takes_items_has_its_own_model(described: dict[str, Any]) -> None:
    models = described["components"]["schemas"]
    for name in TAKING:
        operation = described["paths"][f"/v/{name}"]["post"]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        model = models[body["$ref"].rpartition("/")[2]]
        assert model["examples"], name
        assert "Idempotency-Key" in [one["name"] for one in operation["parameters"]]
    assert not [path for path in described["paths"] if path.startswith("/console")]


def test_a_workflow_has_one_path_for_its_list(described: dict[str, Any]) -> None:
    [parameter] = [
        one
        for one in described["paths"]["/v/{workflow}"]["get"]["parameters"]
        if one["name"] == "workflow"
    ]
    assert set(parameter["schema"]["enum"]) == WORKFLOWS.keys() - TAKING


def test_one_item_of_each_workflow_is_described_with_its_body(described: dict[str, Any]) -> None:
    for name in WORKFLOWS:
        answer = described["paths"][f"/v/{name}/{{key}}"]["get"]["responses"]["200"]
        view, own = answer["content"]["application/json"]["schema"]["allOf"]
        assert view["$ref"].endswith("/ItemView")
        model = own["properties"]["body"]["anyOf"][0]["$ref"].rpartition("/")[2]
        assert model == f"{name}.body".replace("-", "_")


@pytest.mark.parametrize("name", sorted(WORKFLOWS.keys() - WITHOUT_EXAMPLE))
def test_the_examples_of_a_workflow_are_items_of_it(name: str) -> None:
    scenario = WORKFLOWS[name].scenario
    found = examples(scenario)
    assert found
    for example in found:
        if scenario.validate:
            key, text = scenario.validate(example)
            assert key
            scenario.read(text, scenario.version)
        else:
            TypeAdapter(scenario.payload).validate_python(example)


def test_workflows_whose_packages_are_missing_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        @property
        def scenario(self) -> Scenario:
            raise MissingExtra("analysis")

    found = {"orders": WORKFLOWS["orders"], "partitions": Missing()}
    monkeypatch.setattr(openapi, "WORKFLOWS", found)
    paths = document(create_app(by_name))["paths"]
    assert "/v/orders" in paths
    assert "/v/invoices" not in paths
