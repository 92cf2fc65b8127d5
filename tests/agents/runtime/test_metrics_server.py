"""One port setting for many processes: each serves its metrics and is found by Prometheus."""

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agents.runtime import metrics_server
from agents.runtime.metrics_server import serve_metrics
from agents.runtime.settings import ROOT
from tests.prefect_server import free_port

PROCESS = """
import agents.runtime.metrics
from agents.runtime.settings import settings
from agents.runtime.telemetry import start_telemetry
start_telemetry(settings())
print("started", flush=True)
input()
"""


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def processes(tmp_path: Path, port: int) -> Iterator[list["subprocess.Popen[str]"]]:
    """Three processes with the same settings, up and waiting."""
    own = {"AGENT_FLOWS_DATA": str(tmp_path), "AGENT_FLOWS_METRICS_PORT": str(port)}
    command, pipe = [sys.executable, "-c", PROCESS], subprocess.PIPE
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(
                    command, cwd=ROOT, env=os.environ | own, stdin=pipe, stdout=pipe, text=True
                )
            )
            for _ in range(3)
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "started\n"
        yield started
        for process in started:
            if process.poll() is None:
                process.communicate("\n")


def found(folder: Path) -> dict[str, str]:
    """What Prometheus reads: the process of each target."""
    groups = [
        group
        for path in (folder / "metrics").glob("*.json")
        for group in json.loads(path.read_text())
    ]
    return {target: group["labels"]["pid"] for group in groups for target in group["targets"]}


def test_many_processes_with_one_setting_are_all_scraped(
    tmp_path: Path, processes: list["subprocess.Popen[str]"]
) -> None:
    targets = found(tmp_path)
    assert set(targets.values()) == {str(process.pid) for process in processes}
    for target in targets:
        with urllib.request.urlopen(f"http://{target}/metrics") as page:
            assert b"agent_flows_commits_total" in page.read()
    killed, ended, _ = processes
    killed.kill()
    killed.wait()
    ended.communicate("\n")
    assert str(ended.pid) not in found(tmp_path).values()
    assert serve_metrics(free_port(), tmp_path)
    left = set(found(tmp_path).values())
    assert left == {str(processes[2].pid), str(os.getpid())}, "no file of a killed one is left"


def test_another_host_reaches_the_address_that_is_named_and_no_other(
    tmp_path: Path, port: int
) -> None:
    """All addresses of 127.0.0.0/8 are this machine's, so that one of them stands for that of its network."""
    assert serve_metrics(port, tmp_path, "127.0.0.2") == port
    assert list(found(tmp_path)) == [f"127.0.0.2:{port}"]
    assert reached("127.0.0.2", port)
    assert not reached("127.0.0.1", port)
    everywhere = free_port()
    assert serve_metrics(everywhere, tmp_path, "0.0.0.0") == everywhere
    assert f"127.0.0.1:{everywhere}" in found(tmp_path)
    assert reached("127.0.0.2", everywhere)


def reached(host: str, port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex((host, port)) == 0


def test_no_free_port_ends_nothing(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_server, "MOST_PORTS", 1)
    with socket.create_server(("127.0.0.1", port)):
        assert serve_metrics(port, tmp_path) is None
    assert found(tmp_path) == {}
