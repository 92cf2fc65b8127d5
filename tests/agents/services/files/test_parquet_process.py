"""The decoder is confined, hurried, and ended with its reader."""

import signal
import subprocess
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pytest

from agents.runtime.errors import TransientError
from agents.services.files import parquet_process
from agents.services.files.limits import Limits
from agents.services.files.records import read_records
from tests.agents.services.files.sources import Outcome, order, parquet, read

pytestmark = pytest.mark.slow

MANY = parquet(pa.table({"x": list(range(200_000))}))


Children = list[subprocess.Popen[bytes]]


@pytest.fixture
def decoders(monkeypatch: pytest.MonkeyPatch) -> Children:
    """Every decoder that the test starts."""
    found: Children = []
    start = parquet_process._started

    def recorded(command: list[str], file: BinaryIO) -> subprocess.Popen[bytes]:
        found.append(start(command, file))
        return found[-1]

    monkeypatch.setattr(parquet_process, "_started", recorded)
    return found


def test_a_reader_that_stops_ends_its_decoder(tmp_path: Path, decoders: Children) -> None:
    (tmp_path / "a.parquet").write_bytes(MANY)
    items = read_records(tmp_path / "a.parquet")
    next(items)
    (decoder,) = decoders
    assert decoder.poll() is None
    items.close()  # type: ignore[attr-defined]
    assert decoder.returncode == -signal.SIGKILL


def test_the_decoder_gets_no_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoders: Children
) -> None:
    monkeypatch.setenv("AGENTS_SECRET", "42")
    (tmp_path / "a.parquet").write_bytes(MANY)
    items = read_records(tmp_path / "a.parquet")
    next(items)
    environment = Path(f"/proc/{decoders[0].pid}/environ").read_bytes()
    assert b"PATH=" in environment
    assert b"AGENTS_SECRET" not in environment
    items.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "program, good, rule",
    [
        ("", 0, "corrupt"),
        ("import os; os.abort()", 0, "corrupt"),
        ("print('C[\"a\"]')", 0, "corrupt"),
        ('print(\'C["a"]\\nR\\t{"a": 1}\')', 1, "corrupt"),
        ('print(\'C["a"]\\nR\\t{"a": 1}\\nE2\')', 1, "corrupt"),
        ("print('C[\"a\"]\\nR\\t{\"a\": 1}\\nE1', end='')", 1, "corrupt"),
        ('print(\'C["a"]\\nR\\t{"a": 1}\\nE1\')', 1, ""),
        ('print(\'X["memory", "why"]\')', 0, "memory"),
        (
            'import time; print(\'C["a"]\\nR\\t{"a": 1}\', flush=True); time.sleep(60)',
            1,
            "deadline",
        ),
    ],
)
def test_whatever_the_decoder_does_no_row_is_lost_silently(
    tmp_path: Path, program: str, good: int, rule: str, decoders: Children
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        child = tmp_path / "child.py"
        child.write_text(program)
        patch.setattr(parquet_process, "_CHILD", child)
        found = read(tmp_path, "a.parquet", MANY, Limits(seconds=2))
    assert (len(found.items), found.rule) == (good, rule)
    assert all(decoder.returncode is not None for decoder in decoders)


def test_a_machine_that_cannot_start_it_is_no_fault_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(MANY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_process.sys, "executable", str(tmp_path / "none"))  # type: ignore[attr-defined]
        with pytest.raises(TransientError):
            Outcome(tmp_path / "a.parquet")


def test_it_runs_wherever_the_caller_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyarrow.py").write_text("raise SystemExit('a file beside the data was imported')")
    monkeypatch.chdir(tmp_path)
    assert read(tmp_path, "a.parquet", parquet([order(1)])).bodies == [order(1)]
