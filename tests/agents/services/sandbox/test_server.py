"""The process around the providers: its lock, its token, and its end."""

import http.client
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from agents.runtime.settings import ROOT
from agents.services.sandbox.address import SandboxAddress
from agents.services.sandbox.process import _running, _unlocked, ensure_sandbox
from agents.services.sandbox.server import run_sandbox


def asked(address: SandboxAddress, headers: Mapping[str, str]) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection(urlsplit(address.url).netloc, timeout=5)
    connection.request("GET", "/health", headers=dict(headers))
    response = connection.getresponse()
    body = json.loads(response.read())
    connection.close()
    return response.status, body


def test_only_with_the_token(sandbox: SandboxAddress) -> None:
    assert asked(sandbox, {})[0] == 401
    assert asked(sandbox, {"Authorization": "Bearer wrong"})[0] == 401
    good = {"Authorization": f"Bearer {sandbox.token}"}
    assert asked(sandbox, good) == (200, {"pid": sandbox.pid})


def test_it_listens_on_this_machine_only(sandbox: SandboxAddress) -> None:
    assert urlsplit(sandbox.url).hostname == "127.0.0.1"


def test_a_second_one_for_the_same_folder_ends_quietly(
    sandbox: SandboxAddress, sandbox_data: Path
) -> None:
    run_sandbox(sandbox_data, idle=1, stock=None)
    assert _running(sandbox_data) == sandbox


@pytest.mark.slow
def test_it_ends_when_nobody_asks(tmp_path: Path) -> None:
    ensure_sandbox(tmp_path, idle=0.5)
    until = time.monotonic() + 10
    while not _unlocked(tmp_path):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert (tmp_path / "sandbox.log").read_bytes() == b""


@pytest.mark.slow
def test_started_by_hand_with_goods(tmp_path: Path) -> None:
    goods = tmp_path / "goods.csv"
    goods.write_text("sku,on_hand,weight_grams\nA,5,100\n")
    command = [sys.executable, "-m", "agents.services.sandbox", "--data", str(tmp_path)]
    options = ["--idle", "0", "--stock", str(goods)]
    subprocess.run([*command, *options], cwd=ROOT, check=True, timeout=30)
    db = sqlite3.connect(tmp_path / "sandbox.db")
    assert db.execute("SELECT sku, on_hand FROM stock").fetchall() == [("A", 5)]
    db.close()
