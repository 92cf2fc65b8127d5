"""How long the calls of each agent take, and what follows from that: time-outs and second attempts.

`python -m flows.operations` has it as a command.
"""

from typing import Any

from prefect import flow

from agents.runtime.context import open_runtime
from agents.runtime.execution.agent import AGENTS, Agent
from agents.runtime.execution.slow_calls import has_second_attempts, learns_timeout
from agents.runtime.journal.call_times import read_call_times
from agents.runtime.scheduling.call_times import CallTimes
from agents.runtime.settings import settings
from flows.cli.parameters import ScenarioName
from flows.cli.reports import Listing, shown
from flows.workflows import WORKFLOWS


@flow(name="agents", flow_run_name="agents of {scenario}", persist_result=False)
async def agents(scenario: ScenarioName = "orders") -> Listing:
    """List a scenario's agents: how long their calls took, their time-outs and second attempts.

    A time-out is set by the agent's policy, or it is learned where nobody set one; a plain function
    has none. A call that takes longer than "second after" gets a second attempt beside it.

    Example: `uv run python -m flows.operations agents --scenario invoices`

    Args:
        scenario: Scenario whose agents are listed.

    """
    of_scenario = f"{WORKFLOWS[scenario].loaded()}."
    async with open_runtime(settings()) as opened:
        found = await read_call_times(opened.journal.database)
    known = [one for one in AGENTS.values() if one.module.startswith(of_scenario)]
    table = [_row(one, found.get((one.name, one.version))) for one in known]
    return await shown("agents", Listing(title=f"{len(table)} agents of {scenario}", table=table))


def _row(agent: Agent[Any, Any], times: CallTimes | None) -> dict[str, str]:
    patience = times.patience if times is not None and has_second_attempts(agent) else None
    return {
        "agent": agent.name,
        "version": agent.version,
        "calls": f"{times.calls if times else 0:,}",
        "99 % within": "" if times is None else _seconds(times.p99),
        "99.9 % within": "" if times is None else _seconds(times.p999),
        "time-out": _timeout(agent, times),
        "second after": "" if patience is None else _seconds(patience),
    }


def _timeout(agent: Agent[Any, Any], times: CallTimes | None) -> str:
    if agent.is_plain:
        return ""
    if not learns_timeout(agent):
        return _seconds(agent.longest)
    learned = agent.longest if times is None else times.timeout(agent.longest)
    how = "learned" if learned < agent.longest else "not learned yet"
    return f"{_seconds(learned)}, {how}"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms" if seconds < 1 else f"{seconds:,.1f} s"
