"""AWS Lambda, by ministack: real processes, real time-outs, invocations that end before theirs."""

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from deployments.functions.aws_lambda import WORK
from tests.deployments.functions.conftest import Cloud
from tests.deployments.functions.events import entry, records
from tests.deployments.functions.local_lambda import LocalLambda

SECONDS = 2  # of each invocation
MESSAGES = 10  # in a batch, the most that SQS delivers by default


def batches(count: int, seconds: float, several: int) -> list[dict[str, Any]]:
    """Events of SQS with this number of entries, several in each message."""
    bodies = [
        "\n".join(entry(n, seconds) for n in range(first, min(first + several, count)))
        for first in range(0, count, several)
    ]
    return [records(*bodies[n : n + MESSAGES]) for n in range(0, len(bodies), MESSAGES)]


def deliver(aws: LocalLambda, name: str, event: dict[str, Any], most: int = 50) -> int:
    """Deliver a batch as SQS does, until no message fails; returns the number of invocations."""
    invoked = 1
    while (answer := aws.invoke(name, event)) != {"batchItemFailures": []}:
        invoked += 1
        assert invoked < most, answer
    return invoked


@pytest.mark.campaign
def test_what_does_not_end_in_one_invocation_ends_in_later_ones(
    cloud: Cloud, aws: LocalLambda
) -> None:
    aws.create("entries", SECONDS, cloud.environment())
    (event,) = batches(100, 0.05, several=10)
    deliver(aws, "entries", event)
    for _ in range(30):
        if set(cloud.states().values()) == {"completed"}:
            break
        aws.invoke("entries", WORK)
    assert sorted(cloud.keys()) == sorted(f"e{n}" for n in range(100))


@pytest.mark.campaign
@pytest.mark.timeout(3_600)  # each killed process starts anew
def test_a_thousand_items_end_over_invocations_of_two_seconds_that_are_killed_and_doubled(
    either_cloud: Cloud, aws: LocalLambda, record_property: Any
) -> None:
    """Two functions on one journal; every second batch goes to a third one before, which is killed."""
    cloud, invocations, killed = either_cloud, 0, Counter[str]()
    points = ("accepted", "claimed", "intended:write_entry", "called:write_entry", "ended")
    for name in ("a", "b"):
        aws.create(name, SECONDS, cloud.environment())
    for point in points:
        aws.create(point.partition(":")[0], SECONDS, cloud.environment(TEST_KILL=point))
    begun = time.monotonic()
    for number, event in enumerate(batches(1_000, 0.1, several=10)):
        if number % 2:  # before the others, which would leave it nothing
            killed.update(at_once(aws, [points[number // 2].partition(":")[0]], event))
            invocations += 1
        killed.update(at_once(aws, ["a", "b"], event))
        invocations += 2
    for event in batches(1_000, 0.1, several=10):
        invocations += deliver(aws, "a", event)
    while set(cloud.states().values()) != {"completed"} and invocations < 1_000:
        killed.update(at_once(aws, ["a", "b"], WORK))
        invocations += 2
    for name, value in (("seconds", time.monotonic() - begun), ("killed", dict(killed))):
        record_property(name, value)
    record_property("invocations", invocations)
    assert killed == {point.partition(":")[0]: 1 for point in points}
    assert len(cloud.states()) == 1_000
    assert set(cloud.states().values()) == {"completed"}
    assert sorted(cloud.keys()) == sorted(f"e{n}" for n in range(1_000))


def at_once(aws: LocalLambda, names: Sequence[str], event: dict[str, Any]) -> list[str]:
    """Invoke several functions with the same event at the same time; those that did not end."""
    with ThreadPoolExecutor(len(names)) as pool:
        answers = list(pool.map(lambda name: aws.invoke(name, event), names))
    return [name for name, answer in zip(names, answers, strict=True) if "errorMessage" in answer]
