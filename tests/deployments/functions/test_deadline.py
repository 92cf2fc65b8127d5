"""What an invocation may still begin, and what is declared of it."""

import pytest

from deployments.functions.deadline import BatchTimes, Deadline, counted, quantile
from deployments.functions.declared import FUNCTIONS, LONGEST, Function
from flows.workflows import WORKFLOWS


def test_a_deadline_in_the_past_allows_nothing() -> None:
    for seconds in (-1.0, 0.0):
        assert Deadline.after(seconds).left == 0.0
        assert not Deadline.after(seconds).allows(0.0)
    assert Deadline.after(10.0).allows(5.0)
    assert not Deadline.after(10.0).allows(10.5)
    assert counted(0.0)() == 0.0


def test_the_99th_percentile_of_few_is_the_longest() -> None:
    assert quantile([]) == 0.0
    assert quantile([3.0, 1.0]) == 3.0
    assert quantile([float(n) for n in range(1, 201)]) == 198.0
    assert BatchTimes(of_items=2.0).p99(9.0) == 2.0
    assert BatchTimes(of_items=60.0).p99(9.0) == 9.0


def test_every_function_is_of_a_workflow_and_its_lease_outlives_it() -> None:
    for function in FUNCTIONS.values():
        assert function.workflow in WORKFLOWS
        assert function.lease_seconds > function.timeout


@pytest.mark.parametrize("timeout,buffer", [(0.5, 0.1), (min(LONGEST.values()) + 1, 3.0), (4, 2.5)])
def test_a_time_out_that_no_provider_has_or_that_leaves_no_time_is_refused(
    timeout: float, buffer: float
) -> None:
    with pytest.raises(ValueError, match=r"(timeout|buffer) must be"):
        Function("entries", "entries", timeout=timeout, buffer=buffer)
