"""A run of the suite reports each failure at once, and stops if one of its processes ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SUITE = """
import os
import time

def test_fails():
    assert "this" == "that"

def test_takes_too_long():
    time.sleep(60)

def test_dies():
    os._exit(1)

def test_is_never_run():
    pass
"""


@pytest.mark.slow
def test_a_slow_test_fails_alone_and_the_end_of_a_process_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SUITE, encoding="utf-8")
    ours = ("-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *ours, "--timeout=1", "--numprocesses=1", str(tmp_path)],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "call of test_it.py::test_fails: " in done.stderr
    assert "Timeout (>1.0s)" in done.stdout
    assert "3 failed" in done.stdout
    assert "a test process ended, and the tests that it had left will not run" in done.stdout
    assert done.returncode == 2
