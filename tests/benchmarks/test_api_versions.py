"""The benchmark of API versions runs and prints its figures; those themselves depend on the machine."""

from pathlib import Path

import pytest

from deployments.gateway.api_versions import FIRST, versions
from tests.benchmarks.api_versions import five as five_versions
from tests.benchmarks.api_versions import summed_up, with_versions
from tests.benchmarks.test_orchestration import answered


def test_ratios_are_medians_of_rounds() -> None:
    seconds = {"none": [1.0, 2.0, 4.0], "newest": [2.0, 2.0, 8.0], "oldest": [3.0, 3.0, 4.0]}
    found = summed_up(seconds)
    assert (found["newest_over_none"], found["oldest_over_none"]) == (2.0, 1.5)
    assert found["none_us"] == 2_000_000


def test_five_versions_are_measured() -> None:
    with with_versions(five_versions()):
        assert len(versions().names) == 5
        old = (
            versions().of(FIRST).downcast("orders", {"order_id": "B1", "address": {}, "lines": []})
        )
        assert old == {"id": "B1", "ship_to": {}, "lines": []}
    assert len(versions().names) == 2


@pytest.mark.campaign
def test_the_last_line_has_every_figure(tmp_path: Path) -> None:
    figures = answered("api_versions", tmp_path, "--requests", 20, "--rounds", 1)
    assert figures.keys() == {"post", "get"}
    assert figures["post"]["oldest_over_none"] > 0
