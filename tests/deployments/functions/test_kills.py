"""A function is killed at any point, and what it was sent is delivered again: one effect each."""

import subprocess
import sys

import pytest

from deployments.functions.aws_lambda import WORK, handler
from tests.deployments.functions.conftest import Cloud
from tests.deployments.functions.events import Context, entry, records
from tests.prefect_server import ROOT

POINTS = [
    "accepting",
    "accepted",
    "claimed",
    "intended:write_entry",
    "called:write_entry",
    "written:write_entry",
    "ending",
    "ended",
]


@pytest.mark.slow
def test_killed_at_any_point_each_entry_is_written_once(cloud: Cloud) -> None:
    kill_at_each_point(cloud)


@pytest.mark.campaign
def test_the_same_on_postgresql(either_cloud: Cloud) -> None:
    kill_at_each_point(either_cloud)


def kill_at_each_point(cloud: Cloud) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.deployments.functions.killed", *POINTS],
        cwd=ROOT,
        env=cloud.child_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""
    for _ in range(len(POINTS)):  # suspects are worked on in small batches, so it may take some
        cloud.expire_leases()
        redelivered = records(*(entry(number) for number in range(len(POINTS))))
        assert handler(redelivered, Context()) == {"batchItemFailures": []}
        if set(cloud.states().values()) == {"completed"}:
            break
    handler(dict(WORK), Context())
    assert set(cloud.states().values()) == {"completed"}
    assert sorted(cloud.keys()) == [f"e{number}" for number in range(len(POINTS))]
