"""The tests' files lie in memory where there is room: a killed process loses nothing that the kernel has."""

import os
import shutil
import tempfile
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
    if config.option.basetemp is not None or memory() is None:
        return
    for left in MEMORY.glob(f"{FOLDERS}*"):
        if not psutil.pid_exists(int(left.name.removeprefix(FOLDERS))):
            shutil.rmtree(left, ignore_errors=True)
    config.option.basetemp = MEMORY / f"{FOLDERS}{os.getpid()}"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Give the memory back if no test failed."""
    own = MEMORY / f"{FOLDERS}{os.getpid()}"
    if exitstatus == pytest.ExitCode.OK and session.config.option.basetemp == own:
        shutil.rmtree(own, ignore_errors=True)


def memory() -> Path | None:
    """The folder that lies in memory; None if it is missing or has little room."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > LEAST_FREE:
        return MEMORY
    return None


def new_folder(prefix: str) -> Path:
    """Create a folder, in memory if possible, that a database server of another user can enter."""
    home = Path(tempfile.mkdtemp(prefix=prefix, dir=memory()))
    home.chmod(0o755)
    return home
