"""A command ends in order by Ctrl-C and SIGTERM; within a bound, or at the second Ctrl-C, in any case."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from agents.runtime.settings import ROOT

INT, TERM = signal.SIGINT, signal.SIGTERM
Child = subprocess.Popen[str]


@contextmanager
def command(
    how: str, bound: float = 9.0, before: Callable[[], object] | None = None
) -> Iterator[Child]:
    """A command that has begun."""
    line = [sys.executable, "-m", "tests.agents.runtime.ending_child", how, str(bound)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        line,
        cwd=ROOT,
        stdout=pipe,
        stderr=pipe,
        text=True,
        preexec_fn=before,  # noqa: PLW1509
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "begun\n"
            yield child
        finally:
            child.kill()


def ended(child: Child) -> tuple[int, str, str, float]:
    """Its exit status, standard output and error, and the seconds until its end."""
    begun = time.monotonic()
    output, errors = child.communicate(timeout=20)
    return child.returncode, output, errors, time.monotonic() - begun


@pytest.mark.parametrize("number", [INT, TERM])
def test_a_signal_cancels_what_runs_and_it_tidies_up(number: signal.Signals) -> None:
    with command("wait") as child:
        child.send_signal(number)
        status, output, errors, _ = ended(child)
    assert (status, output) == (128 + number, "tidied up\n")
    assert errors == (
        "stopped: unfinished work is handed back; run the same command again to finish it\n"
    )


@pytest.mark.parametrize("number", [INT, TERM])
def test_an_event_loop_that_is_blocked_is_interrupted(number: signal.Signals) -> None:
    with command("block") as child:
        child.send_signal(number)
        status, _, errors, seconds = ended(child)
    assert status == 128 + number
    assert errors.startswith("stopped: ")
    assert seconds < 5


@pytest.mark.parametrize("how", ["refuse", "hold"])
@pytest.mark.parametrize("number", [INT, TERM])
def test_what_does_not_end_is_ended_within_the_bound(how: str, number: signal.Signals) -> None:
    with command(how, bound=0.7) as child:
        child.send_signal(number)
        status, _, errors, seconds = ended(child)
    assert status == 128 + number
    assert "stopped at once, after no end within 0.7 seconds: other processes take over" in errors
    assert seconds < 5


def test_the_second_ctrl_c_ends_at_once() -> None:
    with command("refuse") as child:
        child.send_signal(INT)
        assert child.stdout is not None
        assert child.stdout.readline() == "goes on\n"
        time.sleep(0.6)  # a signal that comes again sooner is the same
        child.send_signal(INT)
        status, _, errors, seconds = ended(child)
    assert (status, seconds < 2) == (130, True)
    assert errors.startswith("stopped at once, after a second Ctrl-C")


def test_a_signal_that_comes_twice_at_once_is_one() -> None:
    """`timeout -s INT` signals its child, and then its own group."""
    with command("wait") as child:
        child.send_signal(INT)
        child.send_signal(INT)
        status, output, errors, _ = ended(child)
    assert (status, output) == (130, "tidied up\n")
    assert errors.startswith("stopped: ")


def test_a_signal_that_was_ignored_at_the_start_stays_ignored() -> None:
    """So are SIGINT for a job in the background of a script, and SIGHUP under nohup."""
    with command("wait", before=lambda: signal.signal(INT, signal.SIG_IGN)) as child:
        child.send_signal(INT)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.5)
        child.send_signal(TERM)
        assert ended(child)[0] == 143
