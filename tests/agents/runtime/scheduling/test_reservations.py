"""The rules of taking resources: never above a capacity, nobody starves, nothing locks up."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.runtime.scheduling.reservations import (
    TOLERANCE,
    BadAmount,
    Capacity,
    Decision,
    Request,
    checked,
    decide,
)

NAMES = ("cpu", "memory", "gpu")
TENANTS = ("a", "b")
AMOUNTS = st.sampled_from((0.1, 0.3, 1.0, 2.0, 3.7, 4.0))


def request(item: int, since: float = 0.0, tenant: str = "a", **amounts: float) -> Request:
    return Request(item, 1, "agent", tenant, amounts, since)


@dataclass
class World:
    """Capacities, and steps that wait, run or have ended; each asks again when something has changed."""

    capacities: list[Capacity]
    waiting: dict[int, Request] = field(default_factory=dict)
    running: dict[int, Request] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    enough: dict[tuple[str, str], int] = field(default_factory=dict)

    def ask(self, item: int) -> Decision:
        """Let a step that waits ask again."""
        [decision] = decide([self.waiting[item]], self.capacities)
        if decision.runs:
            self.running[item] = self.waiting.pop(item)
        self.check(item)
        return decision

    def end(self, item: int) -> None:
        """End a step that runs, or its process: what it held is back."""
        ended = self.running.pop(item)
        self.ended.add(item)
        for capacity in self.capacities:
            if capacity.resource in ended.amounts and capacity.scope in {"", ended.tenant}:
                capacity.used -= ended.amounts[capacity.resource]
        self.check(0)

    def check(self, taker: int) -> None:
        """Nothing is above its capacity; a step that came later takes nothing that the first needs."""
        for capacity in self.capacities:
            assert capacity.used <= capacity.amount + 1e-6
            name = capacity.resource, capacity.scope
            first = capacity.line[0] if capacity.line else None
            before = self.enough.pop(name, None)
            if first is not None and first.item in self.waiting:
                suffices = first.amount <= capacity.left + 1e-6
                assert suffices or before != first.item or taker < first.item
                if suffices:
                    self.enough[name] = first.item


@st.composite
def worlds(draw: Any, *, tenants: bool = True) -> World:
    capacities = [Capacity(name, "", draw(st.sampled_from((4.0, 5.0, 7.4)))) for name in NAMES]
    own = draw(st.sets(st.sampled_from(NAMES))) if tenants else ()
    capacities += [Capacity(name, "a", 4.0) for name in sorted(own)]
    requests = {}
    for item in range(1, draw(st.integers(2, 9))):
        names = draw(st.sets(st.sampled_from(NAMES), min_size=1))
        amounts = {name: draw(AMOUNTS) for name in sorted(names)}
        tenant = draw(st.sampled_from(TENANTS))
        requests[item] = Request(item, 1, "agent", tenant, amounts, float(item))
    return World(capacities, requests)


@given(worlds(), st.randoms(use_true_random=False))
def test_all_steps_get_their_turn_in_any_order_of_asking_and_ending(
    world: World, dice: Any
) -> None:
    for _ in range(60):
        choices = [*world.waiting, *world.running]
        if not choices:
            break
        item = dice.choice(choices)
        world.ask(item) if item in world.waiting else world.end(item)
    # From here on each step that has enough asks, so that every round ends one at least.
    for _ in range(len(world.waiting) + len(world.running)):
        for item in [*world.waiting]:
            world.ask(item)
        if world.running:
            world.end(min(world.running))
    assert world.waiting == world.running == {}
    assert all(abs(capacity.used) < 1e-6 and not capacity.line for capacity in world.capacities)


@settings(max_examples=60)
@given(worlds(tenants=False), st.randoms(use_true_random=False))
def test_the_longest_waiting_step_is_delayed_by_nobody_behind_it(world: World, dice: Any) -> None:
    """It begins when the same steps would let it begin that ran before it came."""
    for item in dice.sample([*world.waiting], len(world.waiting) // 2):
        world.ask(item)
    if not world.waiting:
        return
    oldest = min(world.waiting)
    before = [item for item in world.running if item != oldest]
    alone = World(
        [replace(one, line=[]) for one in world.capacities],
        {oldest: world.waiting[oldest]},
        {item: world.running[item] for item in before},
    )
    for capacity in world.capacities:  # the others ask again, behind the oldest
        capacity.line = []
    world.waiting = {i: replace(r, since=100.0 + i) for i, r in world.waiting.items()}
    world.waiting[oldest] = alone.waiting[oldest]
    world.enough.clear()
    while oldest in world.waiting:
        began = world.ask(oldest).runs
        assert began == alone.ask(oldest).runs
        for item in dice.sample([*world.waiting], len(world.waiting)):
            if item != oldest and not began:
                world.ask(item)
        if before:
            ending = before.pop()
            world.end(ending)
            alone.end(ending)


def test_a_large_step_is_not_passed_by_small_ones_that_would_delay_it() -> None:
    cpu = Capacity("cpu", "", 4.0, used=3.0)
    [large, small] = decide([request(1, 1.0, cpu=4), request(2, 2.0, cpu=1)], [cpu])
    assert (large.blocked_by, small.blocked_by) == (cpu, cpu)
    assert [place.item for place in cpu.line] == [1, 2]


def test_a_small_step_passes_where_enough_is_left_beside_the_reserved_amount() -> None:
    cpu, gpu = Capacity("cpu", "", 8.0), Capacity("gpu", "", 1.0, used=1.0)
    large = request(1, 1.0, cpu=4, gpu=1)
    [blocked, passing] = decide([large, request(2, 2.0, cpu=4)], [cpu, gpu])
    assert (blocked.blocked_by, passing.runs) == (gpu, True)
    assert not decide([request(3, 3.0, cpu=1)], [cpu, gpu])[0].runs  # 4 stay for the first


def test_a_step_that_waits_for_a_day_keeps_no_processor_idle() -> None:
    money = Capacity("money", "a", 10.0, window_seconds=86_400.0, used=10.0)
    cpu = Capacity("cpu", "", 4.0)
    [blocked] = decide([request(1, 1.0, money=1, cpu=4)], [cpu, money])
    assert blocked.lines == (money,)
    assert decide([request(2, 2.0, "b", cpu=4)], [cpu, money])[0].runs


def test_a_tenant_beyond_its_own_capacity_does_not_hold_up_others() -> None:
    own, every = Capacity("cpu", "a", 1.0, used=1.0), Capacity("cpu", "", 8.0, used=1.0)
    decisions = decide([request(1, 1.0, "a", cpu=1), request(2, 2.0, "b", cpu=7)], [own, every])
    assert [one.blocked_by for one in decisions] == [own, None]


def test_a_step_above_a_capacity_is_told_apart_from_one_that_waits() -> None:
    cpu = Capacity("cpu", "", 4.0)
    [above] = decide([request(1, cpu=5)], [cpu])
    assert (above.above, above.lines, cpu.line) == (cpu, (), [])


def test_fractions_fill_a_capacity_in_spite_of_rounding() -> None:
    cpu = Capacity("cpu", "", 1.0)
    requests = [request(item, cpu=0.1) for item in range(10)]
    assert all(decision.runs for decision in decide(requests, [cpu]))
    assert cpu.used <= 1.0 + TOLERANCE


def test_a_resource_without_a_capacity_is_unlimited() -> None:
    assert decide([request(1, licences=1e18)], [])[0].runs


@pytest.mark.parametrize(
    "amounts",
    [
        *({"cpu": nan}, {"cpu": inf}, {"cpu": -1}, {"cpu": -0.0001}, {"cpu": 10**5000}),
        *({"cpu": "1"}, {"cpu": True}, {"cpu": None}, {"": 1}, {"a" * 61: 1}, {"a\nb": 1}),
        *({1: 1}, [("cpu", 1)], None, "cpu", 1),
    ],
    ids=lambda amounts: str(type(amounts).__name__),
)
def test_what_is_no_amount_is_refused(amounts: object) -> None:
    with pytest.raises(BadAmount):
        checked(amounts)


def test_zeros_take_nothing() -> None:
    assert checked({"cpu": 0, "gpu": 0.0, "memory": 2}) == {"memory": 2.0}


def places(capacities: Sequence[Capacity]) -> list[int]:
    return [place.item for capacity in capacities for place in capacity.due()]


def test_those_are_woken_for_whom_enough_is_left_one_after_the_other() -> None:
    cpu = Capacity("cpu", "", 4.0, used=4.0)
    decide([request(item, float(item), cpu=n) for item, n in enumerate((2, 1, 4, 1))], [cpu])
    assert places([cpu]) == []
    cpu.used = 1.0
    assert places([cpu]) == [0, 1]
    cpu.used = 0.0
    assert places([cpu]) == [0, 1]  # the third needs all, and nobody passes it
