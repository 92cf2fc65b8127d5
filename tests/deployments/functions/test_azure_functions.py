"""Azure's functions, called with the objects of its own package, as its worker does."""

import json
from typing import Any

import azure.functions as func
import pytest
from azure.functions.timer import TimerRequest

from deployments.functions import azure_functions as functions
from deployments.functions.accept import WAKE
from deployments.functions.azure_functions import Refused
from deployments.functions.declared import Function
from tests.deployments.functions.conftest import Cloud
from tests.deployments.functions.events import entry, lines
from tests.deployments.functions.ledger import declare


class Wakes(func.Out[list[str]]):
    """An output binding, which Azure puts into the queue."""

    def __init__(self) -> None:
        self.put = list[str]()

    def set(self, val: list[str]) -> None:
        self.put = val

    def get(self) -> list[str]:
        return self.put


def asked(body: bytes) -> Any:
    """The answer to a request: status and JSON."""
    request = func.HttpRequest("POST", "https://example.com/api/entries", body=body)
    answer = functions.http(request)
    return answer.status_code, json.loads(answer.get_body())


def test_a_request_accepts_and_works(cloud: Cloud) -> None:
    status, said = asked(lines(3))
    assert (status, said["worked"]) == (200, {"written": 3})
    assert asked(b"{")[0] == 422
    assert len(cloud.keys()) == 3


def test_a_message_that_is_not_accepted_is_raised_and_comes_again(cloud: Cloud) -> None:
    for _ in range(2):
        functions.queue(func.QueueMessage(id="1", body=entry(1)))
    functions.queue(func.ServiceBusMessage(body=entry(2).encode()))
    functions.queue(func.QueueMessage(id="2", body=WAKE))
    with pytest.raises(Refused, match="line 1"):
        functions.queue(func.QueueMessage(id="3", body="[1"))
    assert cloud.keys() == ["e1", "e2"]


def test_a_timer_puts_messages_without_items_into_the_queue(cloud: Cloud) -> None:
    cloud.enqueue(lines(600))
    declare(Function("entries", "entries", timeout=1.0, buffer=0.4))
    wakes = Wakes()
    functions.schedule(TimerRequest(past_due=False), wakes)
    assert set(wakes.put) == {WAKE}
