"""Tails are the longest paths to the end, and graphs with circles are refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.runtime.scheduling.critical_path import NotAGraph, in_steps, tails


def test_a_tail_is_the_longest_path_to_the_end_with_the_task_itself() -> None:
    durations = {"begin": 1.0, "short": 2.0, "long": 5.0, "end": 3.0, "alone": 4.0}
    needs = {"short": ["begin"], "long": ["begin", "begin"], "end": ["short", "long"]}
    found = tails(durations, needs)
    assert found == {"end": 3.0, "long": 8.0, "short": 5.0, "begin": 9.0, "alone": 4.0}
    assert list(found) == list(durations)


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=12),
    st.sets(st.tuples(st.integers(0, 11)) | st.tuples(st.integers(0, 11), st.integers(0, 11))),
)
def test_it_agrees_with_the_definition(seconds: list[float], pairs: set[tuple[int, ...]]) -> None:
    durations = dict(enumerate(seconds))
    needs: dict[int, list[int]] = {}
    for pair in pairs:
        if len(pair) == 2 and min(pair) != max(pair) and max(pair) in durations:
            needs.setdefault(max(pair), []).append(min(pair))

    def longest(task: int) -> float:
        followers = [other for other, several in needs.items() if task in several]
        return durations[task] + max(map(longest, followers), default=0.0)

    assert tails(durations, needs) == pytest.approx({task: longest(task) for task in durations})


def test_a_chain_of_a_hundred_thousand_tasks_needs_no_stack() -> None:
    length = 100_000
    found = tails(dict.fromkeys(range(length), 1.0), {n: [n - 1] for n in range(1, length)})
    assert found[0] == length


def test_tails_that_differ_by_less_than_a_step_of_two_percent_are_equal() -> None:
    found = in_steps({"first": 100.0, "alike": 99.2, "other": 50.0, "last": 0.4})
    assert found == pytest.approx({"first": 100.0, "alike": 100.0, "other": 50.0, "last": 0.0})
    assert found["first"] == found["alike"]
    assert in_steps({"a": 0.0}) == {"a": 0.0}
    assert in_steps({}) == {}


def test_a_circle_is_refused_with_the_names_in_it_and_no_others() -> None:
    needs = {"a": ["c"], "b": ["a"], "c": ["b"], "behind": ["a"], "before": [], "c2": ["before"]}
    durations = dict.fromkeys(["before", "a", "b", "c", "behind", "c2"], 1.0)
    with pytest.raises(NotAGraph, match="in a circle") as caught:
        tails(durations, needs)
    names = caught.value.names
    assert sorted(names) == ["a", "b", "c"]
    for name, needed in zip(names, names[1:] + names[:1], strict=True):
        assert needed in needs[name], names


def test_a_task_may_not_need_itself_or_one_that_is_not_there() -> None:
    with pytest.raises(NotAGraph, match="in a circle: a"):
        tails({"a": 1.0}, {"a": ["a"]})
    with pytest.raises(NotAGraph, match="not there: y, x"):
        tails({"a": 1.0}, {"a": ["x"], "y": ["a"]})
