"""Resources under faults: whatever happens to who holds them, nothing is taken twice and nothing leaks."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice

import pytest

from agents.runtime.execution.agent import AGENTS
from tests.faults.simulation.runner import ScheduleResult, Simulation, open_simulation
from tests.faults.simulation.schedule import Schedule, failing_calls, schedule_of

EACH = 15  # schedules; every process competes for one place of a resource
TAKES = {
    "assess_risk": {"clerk": 1.0},
    "open_payment": {"till": 1.0, "clerk": 0.5},
    "authorise_payment": {"till": 1.0, "calls": 1.0},
    "reserve_stock": {"clerk": 1.0, "till": 0.5},
}
# Takes are checked in the database itself, in the transaction that takes.
SETUP = """
INSERT INTO capacities (resource, tenant, amount, window_seconds) VALUES
    ('clerk', '', 1, NULL), ('till', 'default', 1, NULL), ('calls', '', 2, 1);
CREATE TRIGGER above AFTER INSERT ON holdings
    WHEN NEW.resource <> 'calls'
    AND (SELECT sum(amount) FROM holdings WHERE resource = NEW.resource) > 1.000001
    BEGIN SELECT RAISE(ABORT, 'more is held than there is'); END;
"""


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    with open_simulation() as opened:
        with closing(sqlite3.connect(opened.template)) as db:
            db.executescript(SETUP)
        yield opened


@pytest.fixture(autouse=True)
def _agents_take_resources(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, takes in TAKES.items():
        monkeypatch.setattr(AGENTS[name], "takes", takes)


def problems(simulation: Simulation, schedule: Schedule) -> tuple[ScheduleResult, list[str]]:
    """Run the schedule; its violations, and what is still held or waited for at its end."""
    result = simulation.run(schedule)
    with closing(sqlite3.connect(simulation.journal)) as db:
        held = db.execute("SELECT resource, item, owner FROM holdings").fetchall()
    return result, [f"{schedule.name}: {one}" for one in [*result.violations, *held]]


@pytest.mark.slow
def test_kills_freezes_and_wrong_clocks_leave_nothing_behind(simulation: Simulation) -> None:
    results = [problems(simulation, schedule_of(seed)) for seed in range(1, EACH + 1)]
    assert [one for _, found in results for one in found] == []
    assert sum(result.kills for result, _ in results) > EACH / 10
    assert sum(result.freezes for result, _ in results) > EACH / 20


@pytest.mark.slow
@pytest.mark.campaign
def test_any_failed_call_of_the_database_leaves_nothing_behind(simulation: Simulation) -> None:
    results = [problems(simulation, one) for one in islice(failing_calls(), 7, None, 97)]
    assert [one for _, found in results for one in found] == []
