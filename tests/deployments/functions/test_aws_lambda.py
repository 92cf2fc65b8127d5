"""AWS Lambda's events: requests, batches of SQS with partial failures, schedules."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from deployments.functions import aws_lambda
from deployments.functions.aws_lambda import WORK, handler
from deployments.functions.deadline import BatchTimes
from deployments.functions.declared import Function
from deployments.functions.invocation import TIMES, Start
from tests.deployments.functions.conftest import Cloud
from tests.deployments.functions.events import (
    Context,
    ContextOfWork,
    entry,
    lines,
    records,
    request,
)
from tests.deployments.functions.ledger import declare


def test_a_request_accepts_and_works_and_a_second_one_does_nothing_twice(cloud: Cloud) -> None:
    answer = handler(request(lines(5)), Context())
    said = json.loads(answer["body"])
    assert (answer["statusCode"], said["accepted"], said["worked"]) == (200, 5, {"written": 5})
    again = handler(request(lines(5), encoded=True), Context())
    assert (again["statusCode"], json.loads(again["body"])["worked"]) == (200, {})
    assert sorted(cloud.keys()) == [f"e{n}" for n in range(5)]


def test_of_a_batch_the_messages_that_were_not_accepted_come_again(cloud: Cloud) -> None:
    bad, other = entry(1).replace("e1", "no key!"), entry(0, seconds=1.0)
    several = f"{entry(2)}\n{bad}"
    answer = handler(records(entry(0), bad, "{", several, entry(3), other, ""), Context())
    failed = [one["itemIdentifier"] for one in answer["batchItemFailures"]]
    assert failed == ["m1", "m2", "m3", "m5"]
    assert sorted(cloud.keys()) == ["e0", "e2", "e3"]


def test_two_invocations_at_once_with_the_same_messages_have_one_effect_each(
    either_cloud: Cloud,
) -> None:
    cloud = either_cloud
    event, answers = records(*(entry(n) for n in range(20))), list[Any]()
    threads = [
        threading.Thread(target=lambda: answers.append(handler(event, Context()))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [{"batchItemFailures": []}] * 2
    assert sorted(cloud.keys()) == sorted(f"e{n}" for n in range(20))
    assert set(cloud.states().values()) == {"completed"}


@pytest.mark.parametrize("left", [0.0, 0.9])
def test_without_time_nothing_is_accepted_or_claimed(cloud: Cloud, left: float) -> None:
    """Zero is zero, and not `no limit`; so is what the buffer needs."""
    answer = handler(request(lines(2)), Context(left))
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "10")
    assert handler({**WORK}, Context(left))["worked"] == {}
    assert (cloud.states(), cloud.keys()) == ({}, [])


def test_nothing_is_claimed_that_might_not_end_in_time(cloud: Cloud) -> None:
    TIMES["entries"] = BatchTimes(is_known=True)
    TIMES["entries"].latest.append(60.0)
    said = json.loads(handler(request(lines(2)), Context(10.0))["body"])
    assert (said["accepted"], said["worked"], said["cut"]) == (2, {}, False)
    assert set(cloud.states().values()) == {"pending"}
    assert handler(dict(WORK), Context())["worked"] == {
        "written": 2
    }  # slow batches are not for ever


def test_a_batch_that_does_not_end_is_handed_back(cloud: Cloud) -> None:
    said = json.loads(handler(request(entry(1, seconds=30.0).encode()), Context(2.0))["body"])
    assert (said["accepted"], said["worked"], said["cut"]) == (1, {}, True)
    assert (cloud.states(), cloud.keys()) == ({"e1": "pending"}, [])


@pytest.mark.slow
def test_what_does_not_end_in_one_invocation_ends_in_later_ones(cloud: Cloud) -> None:
    declare(Function("entries", "entries", timeout=2.0, buffer=0.4, batch=4, at_once=1))
    cloud.enqueue("\n".join(entry(n, seconds=0.3) for n in range(24)).encode())
    invocations = 0
    while set(cloud.states().values()) != {"completed"} and invocations < 40:
        handler(dict(WORK), ContextOfWork(2.0))
        invocations += 1
    assert invocations > 1
    assert sorted(cloud.keys()) == sorted(f"e{n}" for n in range(24))


@pytest.mark.slow
def test_between_batches_nothing_is_claimed_that_might_not_end_in_time(cloud: Cloud) -> None:
    """After a batch of two seconds less than two are left of four; the deadline need not end anything."""
    declare(Function("entries", "entries", timeout=4.4, buffer=0.4, batch=1, at_once=1))
    cloud.enqueue("\n".join(entry(n, seconds=2.0) for n in range(3)).encode())
    said = handler(dict(WORK), ContextOfWork(4.4))
    assert (said["worked"], said["cut"]) == ({"written": 1}, False)


def test_a_schedule_starts_as_many_as_the_view_wants_beside_itself(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = list[int]()

    def starter(_arn: str) -> Start:
        async def start(count: int) -> None:
            started.append(count)

        return start

    monkeypatch.setattr(aws_lambda, "_starter", starter)
    cloud.enqueue(lines(600))
    event = {"source": "aws.events", "detail-type": "Scheduled Event"}
    wanted = handler(event, Context(1.5))["started"]
    assert started == [wanted]
    assert wanted >= 1
    assert handler(dict(WORK), Context(0.0))["started"] == 0  # what was started starts nothing


def test_a_function_that_nobody_declared_says_so(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, forget: Callable[[], None]
) -> None:
    monkeypatch.setenv("AGENT_FLOWS_FUNCTION", "nothing")
    forget()
    with pytest.raises(Exception, match=r"AGENT_FLOWS_FUNCTION is 'nothing'.*entries"):
        handler(dict(WORK), Context())
    assert cloud.states() == {}
