"""AWS Lambda, by ministack: real processes, real time-outs, invocations that end before theirs."""

import random
import threading
from collections.abc import Sequence
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
    """Deliver a batch as SQS does, until no message fails; returns how often it failed."""
    failed = 0
    while (answer := aws.invoke(name, event)) != {"batchItemFailures": []}:
        failed += 1
        assert failed < most, answer
    return failed


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
    """Two functions on one journal; every second batch goes to a third one too, which is killed."""
    cloud, chance, invocations = either_cloud, random.Random(7), list[str]()
    points = ("accepted", "claimed", "intended:write_entry", "called:write_entry", "ended")
    for name in ("a", "b"):
        aws.create(name, SECONDS, cloud.environment())
    for point in points:
        aws.create(point.partition(":")[0], SECONDS, cloud.environment(TEST_KILL=point))
    for event in batches(1_000, 0.1, several=10):
        killed = [chance.choice(points).partition(":")[0]] if chance.random() < 0.5 else []
        names = ["a", "b", *killed]
        at_once(aws, names, event)
        invocations += names
    for event in batches(1_000, 0.1, several=10):
        deliver(aws, "a", event)
    while set(cloud.states().values()) != {"completed"} and len(invocations) < 1_000:
        at_once(aws, ["a", "b"], WORK)
        invocations += ["a", "b"]
    record_property("invocations", len(invocations))
    assert len(cloud.states()) == 1_000
    assert set(cloud.states().values()) == {"completed"}
    assert sorted(cloud.keys()) == sorted(f"e{n}" for n in range(1_000))


def at_once(aws: LocalLambda, names: Sequence[str], event: dict[str, Any]) -> None:
    """Invoke several functions with the same event at the same time."""
    together = [threading.Thread(target=aws.invoke, args=(name, event)) for name in names]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
