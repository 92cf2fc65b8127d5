"""`python -m tests.agents.workflow.mailing DATA PORT`: ends 300 jobs and sends an e-mail about each.

A test kills it while they go out.
"""

import asyncio
import sys
from pathlib import Path

from agents.runtime import Agent, Item, Notice, Scenario, open_runtime
from agents.runtime.settings import Settings
from agents.services import connect_services
from agents.services.notifications.protocol import Message
from agents.workflow.messages import notice, notification_agent
from tests.agents.runtime.jobs import Job, Provider, effect_of, jobs, outcome_of, run
from tests.agents.services.notifications.mail_server import settings_for

COUNT = 300


def address(key: str) -> str:
    """The address of a job's customer."""
    return f"{key}@example.com"


def _notices(item: Item) -> list[Notice]:
    return [notice("job.ended", Message("email", address(item.key), "Your job", "It has ended."))]


JOBS = Scenario("jobs", "1", Job, outcome_of, _notices)


def notifier() -> Agent[..., None]:
    """The agent that sends them."""
    return notification_agent("notify_of_job")


def settings_of(data: str, port: int) -> Settings:
    """Settings with the mail server and a short lease."""
    return Settings(data=Path(data), mail=settings_for(port), lease_seconds=1.0)


async def main(data: str, port: int) -> None:
    """Run the jobs in one batch."""
    settings = settings_of(data, port)
    async with open_runtime(settings), connect_services(settings):
        make = effect_of(Provider())
        await run(jobs(COUNT), make, after=notifier(), scenario=JOBS, size=COUNT)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
