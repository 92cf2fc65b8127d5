"""A fault point kills its own process at the hit it was armed for, and does nothing otherwise."""

import signal
import subprocess
import sys

from agents.runtime import testing as faultpoints

CHILD = """
from agents.runtime.testing import arm, failpoint
arm({"here": 3, "elsewhere": 1})
for n in range(9):
    print(n, flush=True)
    failpoint("here")
"""


def test_it_kills_at_the_hit_it_was_armed_for() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "0\n1\n2\n")


def test_nothing_is_armed_by_itself() -> None:
    """Neither a setting nor the environment can arm a point: only a call of `arm`."""
    assert faultpoints._armed == {}
    faultpoints.failpoint("here")
