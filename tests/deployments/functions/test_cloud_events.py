"""Requests that are CloudEvents, made by the package of the CloudEvents project, at each provider's handler."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import azure.functions as func
import pytest
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent

from deployments.functions import azure_functions
from deployments.functions.aws_lambda import handler
from deployments.functions.cloud_events import NotAnEvent, Request
from tests.deployments.functions.conftest import Cloud
from tests.deployments.functions.events import Context, entry, lines, request
from tests.deployments.functions.test_cloud_run import framework

Sent = tuple[Mapping[str, str], bytes]
Send = Callable[[Mapping[str, str], bytes, str], tuple[int, str, Mapping[str, str]]]
KIND = "application/cloudevents+json"
LINES = {"datacontenttype": "application/x-ndjson"}


def to_google(headers: Mapping[str, str], body: bytes, method: str) -> Any:
    answer = framework("http", "http").open("/", method=method, headers=headers, data=body)
    return answer.status_code, answer.text, answer.headers


def to_aws(headers: Mapping[str, str], body: bytes, method: str) -> Any:
    event = request(body, encoded=True) | {"headers": dict(headers)}
    event["requestContext"]["http"]["method"] = method
    answer = handler(event, Context())
    return answer["statusCode"], answer["body"], answer["headers"]


def to_azure(headers: Mapping[str, str], body: bytes, method: str) -> Any:
    asked = func.HttpRequest(method, "https://example.com/api/entries", headers=headers, body=body)
    answer = azure_functions.http(asked)
    return answer.status_code, answer.get_body().decode(), answer.headers


SENDERS = pytest.mark.parametrize("send", [to_google, to_aws, to_azure])


def event(data: Any, **more: str) -> CloudEvent:
    return CloudEvent({"type": "shop.entry", "source": "//shop.example.com/entries", **more}, data)


@SENDERS
@pytest.mark.parametrize("write", [to_binary, to_structured])
def test_an_event_is_an_item_and_one_that_comes_twice_has_one_effect(
    cloud: Cloud, send: Send, write: Callable[[CloudEvent], Sent]
) -> None:
    headers, body = write(event(json.loads(entry(1))))
    for worked in ({"written": 1}, {}):
        status, said, _ = send(headers, body, "POST")
        assert (status, json.loads(said)["worked"]) == (200, worked)
    assert cloud.keys() == ["e1"]


@SENDERS
@pytest.mark.parametrize(
    "data", [lines(3).decode(), lines(3)], ids=["as a string", "as bytes in Base64"]
)
def test_a_structured_event_may_hold_several_items(
    cloud: Cloud, send: Send, data: str | bytes
) -> None:
    headers, body = to_structured(event(data, **LINES), data_marshaller=lambda given: given)
    assert send(headers, body, "POST")[0] == 200
    assert sorted(cloud.keys()) == ["e0", "e1", "e2"]


@SENDERS
def test_what_is_no_event_is_refused_and_nothing_is_accepted(cloud: Cloud, send: Send) -> None:
    headers, body = to_structured(event(json.loads(entry(1))))
    given = json.loads(body)
    for wrong in (given | {"specversion": "0.3"}, given | {"id": ""}, [given]):
        assert send(headers, json.dumps(wrong).encode(), "POST")[0] == 400
    binary, data = to_binary(event(json.loads(entry(1))))
    assert send({k: v for k, v in binary.items() if k != "ce-source"}, data, "POST")[0] == 400
    batch = {"content-type": "application/cloudevents-batch+json"}
    assert send(batch, b"[" + body + b"]", "POST")[0] == 415
    assert cloud.states() == {}


@SENDERS
@pytest.mark.usefixtures("cloud")
def test_who_asks_whether_it_may_deliver_may(send: Send) -> None:
    status, _, headers = send({"WebHook-Request-Origin": "eventgrid.azure.net"}, b"", "OPTIONS")
    assert status == 200
    assert headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"


def test_data_stays_what_it_is_to_the_last_digit() -> None:
    said = '{"amount":0.12345678901234567890123,"count":9223372036854775807,"name":"Größe"}'
    body = json.dumps({"id": "1", "source": "s", "specversion": "1.0", "type": "t"})
    whole = f'{body[:-1]}, "data": {said}}}'.encode()
    assert Request(whole, {"content-type": KIND}).data() == said.encode()


@pytest.mark.parametrize(
    "more,problem",
    [
        ('"data": {"a": 1, "a": 2}', "the key is there twice"),
        ('"data_base64": "€"', "data_base64 is not Base64"),
        ('"data": 1, "data": 2', "the key is there twice"),
    ],
)
def test_an_event_is_read_by_the_letter(more: str, problem: str) -> None:
    body = f'{{"id": "1", "source": "s", "specversion": "1.0", "type": "t", {more}}}'
    with pytest.raises(NotAnEvent, match=problem):
        Request(body.encode(), {"content-type": f"{KIND}; charset=UTF-8"}).data()


def test_an_event_without_data_only_asks_for_work() -> None:
    body = b'{"id": "1", "source": "s", "specversion": "1.0", "type": "t"}'
    assert Request(body, {"content-type": KIND}).data() == b""
