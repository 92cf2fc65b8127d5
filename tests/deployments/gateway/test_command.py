"""The gateway's command: what it says, whom it lets in, how it ends; the deployment story has the rest."""

import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.deployments.gateway.gateway_process import COMMAND, environment, running_gateway
from tests.deployments.gateway.orders import order

pytestmark = pytest.mark.slow
END_SECONDS = 10.0


def fails(home: Path, *arguments: str, **more: str) -> str:
    """Run the command, which must fail; what it says."""
    ended = subprocess.run(
        [*COMMAND, *arguments],
        env=environment(home, more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode != 0
    assert ended.stdout == ""
    return ended.stderr


def test_it_serves_loopback_to_its_first_key_and_ends_on_sigterm(tmp_path: Path) -> None:
    with running_gateway(tmp_path, "--no-consumers") as gateway:
        assert gateway.url.startswith("http://127.0.0.1:")
        with gateway.client() as client:
            assert client.get("/v/orders/none").json()["detail"] == "orders has no item 'none'"
            refused = client.get("/v/orders/none", headers={"Authorization": "Bearer other"})
            assert refused.status_code == 401
            accepted = client.post("/v/orders", json=order())
            assert accepted.status_code == 202
            begun = time.monotonic()
            status, _ = gateway.end(signal.SIGTERM)
    assert status == 0
    assert time.monotonic() - begun < END_SECONDS


def test_what_keeps_it_from_starting_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = fails(tmp_path, "--port", str(port))
    assert said == (
        f"error: port {port} cannot be used (Address already in use): choose another with --port\n"
    )
    file = tmp_path / "file"
    file.touch()
    said = fails(tmp_path, "--port", "0", AGENT_FLOWS_DATA=str(file))
    assert said.startswith(f"error: the data folder {file} cannot be used: ")
    assert said.count("\n") == 1
