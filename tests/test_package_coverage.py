"""Coverage is told by package, so that no file needs a test file of its own."""

import pytest

from tests.package_coverage import packages


def test_files_of_a_package_are_counted_together() -> None:
    files = {
        "agents/orders/payments.py": (9, 10),
        "agents/orders/run.py": (1, 10),
        "flows/a.py": (4, 4),
    }
    assert packages(files) == {"agents.orders": pytest.approx(50.0), "flows": pytest.approx(100.0)}


def test_a_package_without_statements_has_no_coverage() -> None:
    assert packages({"agents/empty/__init__.py": (0, 0)}) == {}
