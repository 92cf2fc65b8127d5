"""The gateway's command: what it says, whom it lets in, how it ends; the deployment story has the rest."""

import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import orjson
import pytest

from tests.deployments.gateway.gateway_process import (
    COMMAND,
    RunningGateway,
    environment,
    running_gateway,
)
from tests.deployments.gateway.orders import order
from tests.readmes import readmes

pytestmark = pytest.mark.slow
END_SECONDS = 10.0
KEYS = "deployments.gateway.trust.new_key"


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


def test_it_prints_no_key_where_others_than_this_machine_reach_it(tmp_path: Path) -> None:
    """Callers come with tokens of an identity provider, so that it may start without a key."""
    keys = tmp_path / "keys.json"
    keys.write_text('{"keys": []}')
    provider = {"issuer": "https://id.example", "audience": "flows", "keys": str(keys)}
    more = {
        "AGENT_FLOWS_JWT": orjson.dumps(provider).decode(),
        "AGENT_FLOWS_GATEWAY_HOSTS": '["flows.example"]',
    }
    with running_gateway(tmp_path, "--no-consumers", "--host", "0.0.0.0", more=more) as gateway:
        assert gateway.key == ""
        gateway.end()
    with running_gateway(tmp_path, "--no-consumers") as gateway:
        assert gateway.key.startswith("afk_"), "none was made before"


def answer_of(line: str, gateway: RunningGateway, folder: Path) -> tuple[str, int]:
    """The body and the status that a line with curl gets."""
    here = line.replace("$KEY", gateway.key).replace("http://127.0.0.1:8484", gateway.url)
    words = [*shlex.split(here), "--silent", "--write-out", "\n%{http_code}"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    body, _, status = done.stdout.rpartition("\n")
    return body, int(status)


def made_by_the_readme(home: Path) -> str:
    """The key of a customer that a line of the README makes."""
    [line] = [one for one in readmes()["deployments/gateway/README.md"].commands() if KEYS in one]
    _, _, _, *words = shlex.split(line)
    command = [sys.executable, *words]
    done = subprocess.run(
        command, env=environment(home), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_demo_answers_the_lines_of_the_readmes(tmp_path: Path) -> None:
    """With the demo data; only an order that waits can be decided, and here nobody processes any."""
    (tmp_path / "order.json").write_bytes(orjson.dumps(order()))
    lines = {line for readme in readmes().values() for line in readme.commands() if "8484" in line}
    with running_gateway(tmp_path, "--no-consumers", "--sample") as gateway:
        assert gateway.process.stdout is not None
        assert gateway.process.stdout.readline().startswith("sample:  afk_")
        answers = {line: answer_of(line, gateway, tmp_path) for line in lines}
        key = made_by_the_readme(tmp_path)
        with httpx.Client(base_url=gateway.url, headers={"Authorization": f"Bearer {key}"}) as shop:
            assert shop.post("/conversations").status_code == 201
    assert len(answers) >= 5
    wrong = {line: status for line, (_, status) in answers.items() if status not in {200, 202}}
    assert {line.rpartition("/")[2]: status for line, status in wrong.items()} == {"decide": 409}


@pytest.mark.campaign
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
