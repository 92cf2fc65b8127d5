"""A consumer measures its pace: work in its busy time, and whether it could have done more."""

from typing import Any, NamedTuple

import pytest

from agents.runtime.context import Runtime
from agents.runtime.intake import pace
from agents.runtime.intake.pace import PaceMeter
from agents.runtime.journal.scale import scales


class Row(NamedTuple):
    """What the meter reads of an item."""

    major: int = 1
    expected: float | None = None


class Time:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at = 0.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    moved = Time()
    monkeypatch.setattr(pace, "clock", lambda: moved)
    return moved


async def batch(meter: PaceMeter, time: Time, rows: list[Any], asked: int, seconds: float) -> None:
    meter.begin(len(rows), asked)
    time.at += seconds
    await meter.end(rows)


async def paces(opened: Runtime) -> dict[int, float]:
    found = await scales(opened.journal.database, "jobs")
    return {one.version: round(one.load.pace, 3) for one in found}


async def test_idle_time_does_not_count(opened: Runtime, time: Time) -> None:
    meter = PaceMeter(opened.journal.database, "jobs")
    await batch(meter, time, [Row(expected=0.5)] * 40, asked=40, seconds=4.0)
    assert await paces(opened) == {}  # not yet
    time.at += 1_000.0
    meter.begin(0, 40)
    await batch(meter, time, [Row(expected=0.5)] * 40, asked=40, seconds=4.0)
    assert await paces(opened) == {1: 5.0}


async def test_batches_at_once_count_their_time_once(opened: Runtime, time: Time) -> None:
    meter = PaceMeter(opened.journal.database, "jobs")
    meter.begin(10, 10)
    meter.begin(10, 10)
    time.at += 10.0
    await meter.end([Row(expected=2.0)] * 10)
    await meter.end([Row(1, None)] * 10)
    await meter.note()
    assert await paces(opened) == {1: 2.0}  # the second batch is in no note: it took no time
    await batch(meter, time, [Row(1, None)] * 10, asked=10, seconds=10.0)
    assert (await paces(opened))[1] == pytest.approx(3.0)


async def test_a_consumer_with_too_little_to_do_does_not_seem_slow(
    opened: Runtime, time: Time
) -> None:
    meter = PaceMeter(opened.journal.database, "jobs")
    await batch(meter, time, [Row(expected=1.0)] * 40, asked=40, seconds=10.0)
    await batch(meter, time, [Row(expected=1.0)] * 2, asked=40, seconds=10.0)
    assert await paces(opened) == {1: 4.0}
    await batch(meter, time, [Row(expected=1.0)] * 40, asked=40, seconds=40.0)
    assert await paces(opened) == {1: pytest.approx(80 / 50)}


async def test_versions_share_the_time_by_their_items(opened: Runtime, time: Time) -> None:
    meter = PaceMeter(opened.journal.database, "jobs")
    rows = [Row(1, 1.0)] * 30 + [Row(2, 4.0)] * 10
    await batch(meter, time, rows, asked=40, seconds=10.0)
    assert await paces(opened) == {1: 4.0, 2: 16.0}
