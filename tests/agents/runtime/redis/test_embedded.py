"""One Valkey for a folder: its first user starts it, all find it, it ends with the last one."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agents.runtime.redis.embedded import (
    FOLDER,
    LONGEST_SOCKET,
    START_SECONDS,
    EmbeddedValkey,
    ValkeyUnavailable,
    answers,
)
from agents.runtime.redis.valkey_supervisor import PID, is_alive, is_supervised, start
from tests.redis_servers import Valkey, eventually

USER = """
import sys
from pathlib import Path
from agents.runtime.redis.embedded import EmbeddedValkey
print(EmbeddedValkey(Path(sys.argv[1])).ensure(), flush=True)
input()
"""


def user(data: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", USER, str(data)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)


@pytest.mark.slow
def test_a_server_is_started_once_and_ends_with_its_last_user_even_if_killed(
    tmp_path: Path,
) -> None:
    users = [user(tmp_path) for _ in range(3)]
    sockets = {process.stdout.readline() for process in users if process.stdout}
    assert len(sockets) == 1
    server = Valkey(tmp_path).pid
    for process in users:
        assert is_alive(tmp_path / FOLDER)
        assert Valkey(tmp_path).pid == server
        process.kill()
        process.communicate()
    eventually(lambda: not is_alive(tmp_path / FOLDER))


def test_a_killed_server_is_restarted_and_ends_with_a_killed_supervisor(tmp_path: Path) -> None:
    own, folder = EmbeddedValkey(tmp_path), tmp_path / FOLDER
    socket = own.ensure()
    Valkey(tmp_path).kill()
    eventually(lambda: answers(socket, folder))

    os.kill(_parent(Valkey(tmp_path).pid), signal.SIGKILL)
    eventually(lambda: not is_alive(folder))
    assert own.ensure() == socket
    own.leave()
    eventually(lambda: not is_alive(folder))


def test_a_server_without_a_supervisor_is_replaced(tmp_path: Path) -> None:
    own, folder = EmbeddedValkey(tmp_path), tmp_path / FOLDER
    folder.mkdir()
    orphan = start(folder, folder / "valkey.sock")
    eventually(lambda: answers(folder / "valkey.sock", folder))

    own.ensure()

    assert orphan.wait(5) == 0
    assert is_supervised(folder)
    own.leave()
    eventually(lambda: not is_alive(folder))


def test_only_the_process_of_the_pid_file_counts_as_the_server(tmp_path: Path) -> None:
    own = EmbeddedValkey(tmp_path)
    socket = own.ensure()
    pid = tmp_path / FOLDER / PID
    true = pid.read_text()
    pid.write_text("1")
    assert not answers(socket, tmp_path / FOLDER)
    pid.write_text(true)
    assert answers(socket, tmp_path / FOLDER)
    own.leave()


@pytest.mark.slow
def test_a_server_that_hangs_is_an_error_at_once(tmp_path: Path) -> None:
    own = EmbeddedValkey(tmp_path)
    own.ensure()
    Valkey(tmp_path).hang()
    try:
        with pytest.raises(ValkeyUnavailable, match="does not answer"):
            EmbeddedValkey(tmp_path).ensure()
    finally:
        Valkey(tmp_path).go_on()
    own.leave()


def test_a_long_folder_name_gets_a_short_private_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 90)
    own = EmbeddedValkey(deep)
    socket = own.ensure()
    assert len(os.fsencode(socket)) <= LONGEST_SOCKET
    assert socket.parent.stat().st_mode & 0o077 == 0
    own.leave()


async def test_concurrent_users_start_one_server(tmp_path: Path) -> None:
    several = [EmbeddedValkey(tmp_path) for _ in range(5)]
    sockets = await asyncio.gather(*(asyncio.to_thread(one.ensure) for one in several))
    assert len(set(sockets)) == 1
    for one in several:
        one.leave()


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_server_that_does_not_start_is_an_error_at_once_in_its_own_words(tmp_path: Path) -> None:
    user = EmbeddedValkey(tmp_path)
    user.folder.mkdir()
    (user.folder / "dump.rdb").write_bytes(b"this is no dump of a database, and valkey refuses it")
    begun = time.monotonic()
    with pytest.raises(
        ValkeyUnavailable, match=r"it does not start(.|\n)*ended with status 1"
    ) as failed:
        user.ensure()
    assert time.monotonic() - begun < START_SECONDS / 2
    assert "Wrong signature" in str(failed.value)
