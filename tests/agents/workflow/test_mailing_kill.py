"""A process is killed while e-mails go out to a real SMTP server: only those in flight are unknown."""

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from agents.runtime.context import open_runtime
from agents.runtime.journal.notices import INTERRUPTED, unsettled
from agents.runtime.journal.schema import items
from agents.runtime.recovery.recovery import send_unsent_notices
from agents.runtime.settings import ROOT
from agents.services import connect_services
from tests.agents.runtime.jobs import jobs, rows, until
from tests.agents.services.notifications.mail_server import Mailbox, mail_server
from tests.agents.workflow.mailing import COUNT, JOBS, address, notifier, settings_of

pytestmark = pytest.mark.slow


async def test_a_kill_leaves_at_most_the_messages_in_flight_without_mail(tmp_path: Path) -> None:
    box, notify = Mailbox(), notifier()
    async with mail_server(box) as port:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.agents.workflow.mailing", str(tmp_path), str(port)),
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            cwd=ROOT,
        )
        await until(lambda: len(box.letters) >= 100)
        child.kill()
        await child.wait()
        settings = settings_of(str(tmp_path), port)
        async with open_runtime(settings) as opened, connect_services(settings):

            async def only_unknown_left() -> bool:
                await send_unsent_notices(opened.journal, JOBS, notify)
                left = await unsettled(opened.journal, "jobs", COUNT)
                return {row.status for row in left} <= {"unknown"} and len(left) > 0

            await until(only_unknown_left)
            unknown = await unsettled(opened.journal, "jobs", COUNT)
            # On a busy machine a part of the jobs ends first, and there are no messages about the others yet.
            ended = {row.key for row in await rows(items) if row.ended_at is not None}
    received = Counter(to for letter in box.letters for to in letter.rcpt_tos)
    without = ended - {to.partition("@")[0] for to in received}
    assert len(ended) >= 100
    assert set(received.values()) == {1}
    assert received.keys() <= {address(job.key) for job in jobs(COUNT)}
    assert without <= {row.key for row in unknown}
    assert {row.reason for row in unknown} == {INTERRUPTED}
    assert len(unknown) <= notify.policy.concurrency
