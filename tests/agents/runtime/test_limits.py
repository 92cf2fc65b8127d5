"""Where there is no server the policy's own concurrency is the limit."""

import pytest

from agents.runtime.limits import NoLimit, slots
from agents.runtime.policies import READ
from agents.runtime.settings import settings


async def test_outside_of_a_flow_a_limit_asks_nobody() -> None:
    entered = 0
    for policy in (READ, READ.limited_by("not-there")):
        async with slots(policy, 5):
            entered += 1
    assert entered == 2


@pytest.mark.slow
@pytest.mark.usefixtures("harness")
async def test_where_prefect_limits_a_limit_that_is_not_there_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AGENT_FLOWS_CONCURRENCY", "prefect")
    settings.cache_clear()

    async def occupy() -> None:
        async with slots(READ.limited_by("not-there"), 5):
            pytest.fail("there is no such limit")

    try:
        with pytest.raises(NoLimit, match=r"'not-there': create it with .*deployments\.apply"):
            await occupy()
    finally:
        settings.cache_clear()
