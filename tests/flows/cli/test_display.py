"""A result is a table on a terminal, records on a narrow one, and plain whole lines in a pipe."""

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress

KEY = "an-order-with-a-key-of-48-characters-0123456789AB"
PROGRAM = """
import sys
from flows.cli.display import display
display("2 items", [{"item": sys.argv[1], "asks": "a long question " * 12, "n": "1"}] * 2, ["a note"])
"""


def on_terminal(columns: int, key: str = KEY) -> str:
    """What the program writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, key], stdout=theirs, env=environment
    ) as running:
        os.close(theirs)
        written = b""
        with suppress(OSError):  # the end of a terminal
            while part := os.read(ours, 4096):
                written += part
    os.close(ours)
    assert running.returncode == 0
    return re.sub(r"\x1b\[\d+m", "", written.decode()).replace("\r\n", "\n")


def test_a_terminal_gets_a_table_with_whole_keys() -> None:
    shown = on_terminal(120)
    assert shown.startswith("2 items\n\u250f")
    assert shown.count(KEY) == 2
    assert max(map(len, shown.splitlines())) <= 120


def test_a_terminal_gets_records_if_it_is_narrow_or_a_key_long() -> None:
    for shown in (on_terminal(59, "A-1"), on_terminal(80)):
        assert "\u2503" not in shown
        assert "\nn: 1\n" in shown
    assert f"item: {KEY}\nasks: a long" in shown


def test_a_pipe_gets_plain_whole_lines() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, KEY],
        env=os.environ | {"COLUMNS": "40"},
        capture_output=True,
        text=True,
        check=True,
    )
    title, header, first, second, note = done.stdout.splitlines()
    assert (title, note) == ("2 items", "a note")
    assert header.split() == ["item", "asks", "n"]
    assert first == second == f"{KEY}  {'a long question ' * 12} 1"
