"""Several processes write one log, which is turned over by size: no line is lost or torn."""

import json
import logging
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agents.runtime.log_file import LogFile
from tests.prefect_server import ROOT

CHILD = (sys.executable, "-m", "tests.agents.runtime.logging_child")


def start(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*CHILD, str(folder), *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines_in(folder: Path) -> tuple[list[dict[str, Any]], int]:
    """The lines of all files, and how many are cut off."""
    whole, cut = list[dict[str, Any]](), 0
    for path in folder.glob("agent-flows.log*"):
        for line in path.read_bytes().split(b"\n"):
            try:
                whole += [json.loads(line)] if line else []
            except ValueError:
                cut += 1
    return whole, cut


@pytest.mark.slow
def test_processes_that_turn_it_over_lose_no_line(tmp_path: Path) -> None:
    writers = [start(tmp_path, name, 1_500, 200, 40_000) for name in ("a", "b")]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert (writer.returncode, errors) == (0, "")
    lines, cut = lines_in(tmp_path)
    assert cut == 0
    wanted = {(name, number) for name in ("a", "b") for number in range(1_500)}
    assert Counter((line["from"], line["n"]) for line in lines) == Counter(wanted)
    sizes = [path.stat().st_size for path in tmp_path.glob("agent-flows.log.*")]
    assert len(sizes) > 10
    assert max(sizes) < 400_000  # it grows while another process renames


@pytest.mark.slow
def test_a_process_that_is_killed_tears_no_line_of_others(tmp_path: Path) -> None:
    other = start(tmp_path, "other", 1_500, 200, 1_000_000)
    killed = start(tmp_path, "killed", 0, 300_000, 100_000_000)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "begun\n"
    killed.kill()
    killed.communicate()
    assert other.wait(120) == 0
    other.communicate()
    later = start(tmp_path, "later", 10, 200, 1_000_000)
    assert later.wait(120) == 0
    later.communicate()
    lines, cut = lines_in(tmp_path)
    assert cut <= 1
    counted = Counter(line["from"] for line in lines)
    assert (counted["other"], counted["later"]) == (1_500, 10)


@pytest.mark.slow
def test_after_a_full_disk_lines_are_whole_again(tmp_path: Path) -> None:
    writer = start(tmp_path, "full", 60, -600, 1_000_000)
    _, errors = writer.communicate(timeout=60)
    assert writer.returncode == 0
    assert errors.count("cannot be written") == 1
    lines, cut = lines_in(tmp_path)
    assert cut == 1
    numbers = [line["n"] for line in lines]
    assert numbers == [*range(20), *range(40, 60)]


def test_a_log_that_somebody_has_closed_is_opened_again_and_no_other_file_is_written(
    tmp_path: Path,
) -> None:
    """Code that configures logging closes all handlers; the number of the file may then be another one's."""
    handler = LogFile.of(tmp_path, 1_000_000, 1)
    record = logging.makeLogRecord({"msg": '{"n": 1}'})
    handler.close()
    with (tmp_path / "other").open("wb", buffering=0) as other:
        handler.emit(record)
        handler.close()
        handler.emit(record)
        assert other.tell() == 0
    handler.close()
    assert lines_in(tmp_path) == ([{"n": 1}] * 2, 0)
