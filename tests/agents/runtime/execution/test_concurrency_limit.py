"""Concurrency limits of the Prefect server, and what happens without a server."""

import pytest

from agents.runtime.context import open_runtime
from agents.runtime.execution.step import NoLimit, concurrency_limit
from agents.runtime.model.policies import READ
from agents.runtime.settings import Settings


@pytest.mark.usefixtures("opened")
async def test_outside_of_a_flow_no_server_is_asked() -> None:
    entered = 0
    for policy in (READ, READ.limited_by("not-there")):
        async with concurrency_limit(policy, 5):
            entered += 1
    assert entered == 2


@pytest.mark.slow
@pytest.mark.usefixtures("harness")
async def test_a_limit_that_the_server_does_not_have_is_an_error(
    journal_settings: Settings,
) -> None:
    limited = journal_settings.model_copy(update={"concurrency": "prefect"})

    async def occupy() -> None:
        async with open_runtime(limited), concurrency_limit(READ.limited_by("not-there"), 5):
            pytest.fail("there is no such limit")

    with pytest.raises(NoLimit, match=r"'not-there': create it with .*deployments\.apply"):
        await occupy()
