"""The gateway as its command starts it, in a process of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from agents.runtime.settings import ROOT
from tests.prefect_server import end_group, shared_home

COMMAND = (sys.executable, "-m", "deployments.gateway")
Child = subprocess.Popen[str]


@dataclass(frozen=True, slots=True)
class RunningGateway:
    """A gateway that answers at `url`; its first key is `key`, "" if it was made before."""

    url: str
    key: str
    process: Child

    def client(self) -> httpx.Client:
        """A client with the first key."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """End it by a signal; its exit status and what it has said on standard error."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a gateway with its data in `home`."""
    own = {
        "AGENT_FLOWS_DATA": str(home / "data"),
        "AGENT_FLOWS_PREFECT_IDLE_SECONDS": "60",
        "PREFECT_HOME": str(shared_home()),
    }
    return os.environ | own | dict(more or {})


@contextmanager
def running_gateway(
    home: Path, *arguments: str, port: int = 0, more: Mapping[str, str] | None = None
) -> Iterator[RunningGateway]:
    """A gateway on a port, a free one for 0, gone with all its children at the end of the block."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*COMMAND, "--port", str(port), *arguments],
        cwd=ROOT,
        env=environment(home, more),
        stdin=subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield RunningGateway(*_said(process), process)
        finally:
            end_group(process.pid)


def _said(process: Child) -> tuple[str, str]:
    """Its address and its first key, from its first lines."""
    assert process.stdout is not None
    said = ""
    while line := process.stdout.readline():
        said += line
        if found := re.search(r"^gateway: (\S+)$.*^key: +(\S+)", said, re.MULTILINE | re.DOTALL):
            return found[1], found[2] if found[2].startswith("afk_") else ""
    raise AssertionError(f"it ended: {said}{process.communicate()[1]}")
