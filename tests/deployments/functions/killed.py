"""A process that is killed at each point of an invocation in turn: forks are killed, the process lives.

Started by test_kills.py with the points as arguments. Each fork is sent a message of its own, and the
next one works beside what the killed ones have left. It prints the points that killed nobody.
"""

import os
import signal
import sys

from agents.runtime.testing import arm
from tests.deployments.functions.entry import handler
from tests.deployments.functions.events import Context, entry, records


def killed_at(point: str, number: int) -> bool:
    """Whether SIGKILL ended a fork that got this entry twice, in a batch of two messages."""
    pid = os.fork()
    if pid == 0:
        arm({point: 1})
        handler(records(entry(number), entry(number)), Context())
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


if __name__ == "__main__":
    survived = [point for number, point in enumerate(sys.argv[1:]) if not killed_at(point, number)]
    sys.stdout.write(" ".join(survived))
