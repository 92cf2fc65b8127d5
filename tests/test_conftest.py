"""The suite reports a failure at once, tries it alone again, and stops if a process of it ends."""

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


GROUPED = """
import pytest

@pytest.fixture
def prefect_server():
    return None

def test_fails(prefect_server):
    assert "this" == "that"

def test_passes(prefect_server):
    pass
"""


def run_suite(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a folder by our settings and hooks, in a process of xdist."""
    ours = ("-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest", "--numprocesses=1")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *ours, *arguments, str(folder)],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_second_try_runs_only_what_failed_also_tests_of_a_group(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(GROUPED, encoding="utf-8")
    cache = ("-o", f"cache_dir={tmp_path / 'cache'}")
    first = run_suite(tmp_path, *cache)
    assert "1 failed, 1 passed" in first.stdout
    second = run_suite(
        tmp_path, *cache, "--last-failed", "--last-failed-no-failures=none", "--numprocesses=0"
    )
    assert "1 failed, 1 deselected" in second.stdout


@pytest.mark.slow
def test_a_slow_test_fails_alone_and_the_end_of_a_process_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SUITE, encoding="utf-8")
    done = run_suite(tmp_path, "-p", "no:cacheprovider", "--timeout=1")
    assert "call of test_it.py::test_fails: " in done.stderr
    assert "Timeout (>1.0s)" in done.stdout
    assert "3 failed" in done.stdout
    assert "a test process ended, and the tests that it had left will not run" in done.stdout
    assert done.returncode == 2
