"""What a forecast says of one link of a chain of work."""

import pytest

from agents.runtime.model.forecast import Expected
from agents.runtime.scheduling.features import Example, features
from agents.runtime.scheduling.forecasting import fit


def test_few_that_end_at_once_do_not_shorten_a_chain() -> None:
    seconds = [10.0, 10.0, 10.0, 0.01, 0.01]
    here = features("jobs")
    model = fit([Example(here, "work", one, float(n), n) for n, one in enumerate(seconds)])
    (expected,) = model.predict([(here, "work")])
    assert expected.mean == pytest.approx(6, rel=0.1)
    assert expected.in_chain == pytest.approx(10, rel=0.05)


def test_long_ones_that_are_rare_lengthen_it() -> None:
    assert Expected(p50=1.0, p90=20.0, mean=4.0).in_chain == 4.0
