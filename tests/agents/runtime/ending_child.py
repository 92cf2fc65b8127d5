"""A child process of tests: a command that does not end by itself, in one of several ways.

`python -m tests.agents.runtime.ending_child HOW BOUND`: with the bound in seconds on its end.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Callable

from agents.runtime import shutdown
from agents.runtime.command_line import explained, in_words
from agents.runtime.shutdown import Ending

LONG = 60.0


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


async def wait() -> None:
    """Wait as a flow does for a slow provider, and tidy up."""
    try:
        await asyncio.sleep(LONG)
    finally:
        say("tidied up")


async def block() -> None:
    """Block the event loop, as a library does that loads for long."""
    until = time.monotonic() + LONG
    while time.monotonic() < until:
        time.sleep(0.1)  # noqa: ASYNC251 - that is the point


async def refuse() -> None:
    """Take a cancellation for nothing."""
    while True:
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            say("goes on")


async def hold() -> None:
    """Leave a thread behind that keeps the interpreter from ending."""
    threading.Thread(target=time.sleep, args=(LONG,)).start()
    await asyncio.sleep(LONG)


HOW: dict[str, Callable[[], object]] = {f.__name__: f for f in (wait, block, refuse, hold)}


def main(how: str, bound: float) -> None:
    """Run one of them as a command runs a flow."""
    shutdown.BOUND, ending = bound, Ending()
    ending.install()

    async def work() -> None:
        with ending.cancels_task():
            say("begun")
            await HOW[how]()  # type: ignore[misc]  # each is a coroutine function

    in_words(lambda: asyncio.run(work()), ending, explained)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
