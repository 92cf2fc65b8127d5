"""The tests' files lie in memory where there is room: a killed process loses nothing that the kernel has."""

import os
import shutil
from pathlib import Path

import psutil
import pytest

MEMORY = Path("/dev/shm")
FOLDERS = "tests-"
LEAST_FREE = 2 << 30  # bytes


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let temporary folders lie in memory, unless `--basetemp` says where; xdist tells its processes.

    What an earlier run has left is removed. So the files of a failed test can be read until the next run.
    """
    if config.option.basetemp is not None or not os.access(MEMORY, os.W_OK):
        return
    for left in MEMORY.glob(f"{FOLDERS}*"):
        if not psutil.pid_exists(int(left.name.removeprefix(FOLDERS))):
            shutil.rmtree(left, ignore_errors=True)
    if shutil.disk_usage(MEMORY).free > LEAST_FREE:
        config.option.basetemp = MEMORY / f"{FOLDERS}{os.getpid()}"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Give the memory back if no test failed."""
    own = MEMORY / f"{FOLDERS}{os.getpid()}"
    if exitstatus == pytest.ExitCode.OK and session.config.option.basetemp == own:
        shutil.rmtree(own, ignore_errors=True)
