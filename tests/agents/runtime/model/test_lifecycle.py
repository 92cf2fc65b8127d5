"""The table of states and events: every transition that it does not list is refused."""

from itertools import product
from pathlib import Path

import pytest

import agents.runtime
from agents.runtime.errors import IllegalTransition
from agents.runtime.model.lifecycle import ENDED, TRANSITIONS, Event, State, draw, next_state

BY_OPERATORS = {"skip", "mend", "replay", "restart", "cancel", "discard"}  # of a dead letter
LEGAL = [(source, event) for source, event in TRANSITIONS if source is not None]
ILLEGAL = [pair for pair in product(State, Event) if pair not in TRANSITIONS]


@pytest.mark.parametrize("state, event", ILLEGAL)
def test_a_transition_that_the_table_does_not_list_is_refused(state: State, event: Event) -> None:
    with pytest.raises(IllegalTransition) as caught:
        next_state("order-7", state, event)
    assert (caught.value.item, caught.value.state, caught.value.event) == ("order-7", state, event)
    for word in ("order-7", state.value, event.value):
        assert word in str(caught.value)


@pytest.mark.parametrize("state, event", LEGAL)
def test_a_listed_transition_leads_to_its_state(state: State, event: Event) -> None:
    assert next_state("order-7", state, event) is TRANSITIONS[state, event]


def test_every_state_can_be_reached() -> None:
    reached: set[State] = set()
    frontier: set[State | None] = {None}
    while frontier:
        found = {target for (source, _), target in TRANSITIONS.items() if source in frontier}
        frontier = set(found - reached)
        reached |= found
    assert reached == set(State)


def test_an_end_state_can_be_reached_from_every_state() -> None:
    ends = set(ENDED)
    while more := {s for (s, _), t in TRANSITIONS.items() if t in ends and s is not None} - ends:
        ends |= more
    assert ends | {State.WAITING} == set(State)


def test_only_operators_bring_an_ended_item_back() -> None:
    reopened = [source for source, event in TRANSITIONS if event is Event.REOPEN]
    assert set(reopened) == {State.FAILED, State.COMPENSATED, State.CANCELLED}
    assert {TRANSITIONS[source, Event.REOPEN] for source in reopened} == {State.COMPENSATING}
    resent = {
        source: target for (source, event), target in TRANSITIONS.items() if event is Event.RESEND
    }
    assert resent == {state: state for state in ENDED}
    others = [pair for pair in TRANSITIONS if pair[1] not in {Event.REOPEN, Event.RESEND}]
    ways_out = [(source, event) for source, event in others if source in ENDED]
    assert {source for source, _ in ways_out} <= {State.DEAD_LETTERED}
    assert {event.value for _, event in ways_out} <= BY_OPERATORS


def test_a_compensating_item_never_goes_forward_again() -> None:
    targets = {t for (s, _), t in TRANSITIONS.items() if s is State.COMPENSATING}
    assert targets == {State.COMPENSATING, State.FAILED, State.COMPENSATED, State.CANCELLED}


def test_the_drawing_shows_every_state_and_event() -> None:
    drawing = draw()
    assert drawing.startswith("stateDiagram-v2\n")
    for word in [*State, *Event]:
        assert word.value in drawing
    assert {line.split()[0] for line in drawing.splitlines() if line.endswith("--> [*]")} == {
        state.value for state in ENDED
    }


def test_the_readme_shows_the_drawing() -> None:
    readme = Path(agents.runtime.__file__).with_name("README.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{draw()}\n```" in readme
