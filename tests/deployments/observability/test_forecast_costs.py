"""How right forecasts of costs were is exported, as a real scrape reads it."""

from pathlib import Path

import pytest

from agents.runtime.context import open_runtime
from agents.runtime.execution.budgets import spent
from agents.runtime.execution.decorator import agent
from agents.runtime.forecast_registry import cost_model
from agents.runtime.forecaster import CALIBRATE_SECONDS
from agents.runtime.model.policies import PURE
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import JOBS, Job, Made, jobs, run
from tests.agents.runtime.test_forecaster import later, model_of, promote_in
from tests.deployments.observability.drill import scrape


async def test_forecast_and_real_costs_are_compared(own: Settings, exported: Path) -> None:
    """Of 500 tokens that are forecast, four in five items use 450 and one uses 700."""

    @agent(PURE, takes={"tokens": 4_000})
    async def write(job: Job) -> Made:
        spent(tokens=700 if job.n % 5 == 0 else 450)
        return Made(by="write")

    promote_in(cost_model(own.data, "tokens"), "c1", model_of(500.0, "write"))
    async with open_runtime(own) as opened:
        await run(jobs(50), write)
        with later(CALIBRATE_SECONDS + 1):
            opened.forecaster.forecasts(JOBS, "default", [("{}", None)])
            assert opened.forecaster._looking is not None
            await opened.forecaster._looking
    found = {
        name: value
        for (name, labels), value in (await scrape(exported)).values.items()
        if {("queue", "jobs"), ("resource", "tokens")} <= set(labels)
    }
    assert found["agent_flows_forecast_cost_calibration"] == 0.8
    assert found["agent_flows_forecast_cost_ratio"] == pytest.approx(1.0, rel=0.03)
