"""A fail point kills its process at the hit that it is armed for, and does nothing otherwise."""

import signal
import subprocess
import sys

from agents.runtime import testing

CHILD = """
from agents.runtime.testing import arm, failpoint
arm({"here": 3, "elsewhere": 1})
for n in range(9):
    print(n, flush=True)
    failpoint("here")
"""


def test_a_fail_point_kills_at_the_hit_that_it_is_armed_for() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "0\n1\n2\n")


def test_no_fail_point_is_armed_by_default() -> None:
    """Neither a setting nor the environment can arm a point: only a call of `arm`."""
    assert testing._armed == {}
    testing.failpoint("here")
