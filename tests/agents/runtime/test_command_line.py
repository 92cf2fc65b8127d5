"""Commands say in a line why they end, with an exit status; a closed output is no error to explain."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agents.runtime.command_line import explained
from agents.runtime.errors import DataFolderError, SettingsError
from agents.runtime.settings import ROOT, Settings
from agents.runtime.telemetry import log_is_written, start_telemetry
from tests.databases import stop_telemetry

PRINTING = (
    "from agents.runtime.command_line import run_command; run_command(lambda: print('x' * {}))"
)


def test_an_error_of_ours_is_bad_input() -> None:
    words, status = explained(SettingsError(("AGENT_FLOWS_TENANT: too long",)))
    assert words.startswith("error: cannot start")
    assert status == 2


def test_an_error_of_the_system_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing") as raised:
        (tmp_path / "missing").read_bytes()
    words = f"error: No such file or directory: {tmp_path}/missing"
    assert explained(raised.value) == (words, 1)


def test_any_other_error_names_the_line_of_this_project() -> None:
    with pytest.raises(ValueError, match="first") as raised:
        raise ValueError("first\nsecond")
    words, status = explained(raised.value)
    first, second = words.splitlines()
    assert first == "error: ValueError: first"
    assert second.startswith(f"at: {__file__}:")
    assert status == 1


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_command_whose_output_nobody_reads_ends_without_words(size: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    line = [sys.executable, "-c", PRINTING.format(size)]
    ended = subprocess.run(
        line, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize("folder", ["a-file", "a-file/below", "/proc", "/proc/below"])
def test_a_data_folder_that_cannot_be_used_is_named(tmp_path: Path, folder: str) -> None:
    (tmp_path / "a-file").write_bytes(b"")
    data = tmp_path / folder
    with pytest.raises(DataFolderError, match=f"{data} cannot be used: .*AGENT_FLOWS_DATA"):
        start_telemetry(Settings(data=data))
    assert not log_is_written()


def test_a_full_disk_is_said_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "agent-flows.log").symlink_to("/dev/full")
    start_telemetry(Settings(data=tmp_path))
    try:
        for _ in range(100):
            logging.getLogger("agents.test").error("x" * 1_000)
        assert not log_is_written()
    finally:
        stop_telemetry()
    [line] = capfd.readouterr().err.splitlines()
    assert "agent-flows.log cannot be written: [Errno 28] No space left on device" in line
