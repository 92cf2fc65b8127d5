"""One Valkey a folder: started by the first, found by all, gone with the last, whoever is killed."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agents.runtime.redis.embedded import (
    FOLDER,
    LONGEST_SOCKET,
    EmbeddedValkey,
    ValkeyUnavailable,
    answers,
)
from agents.runtime.redis.valkey_supervisor import PID, is_alive, is_kept, start
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
def test_it_is_started_once_and_ends_with_its_last_user_even_if_that_is_killed(
    tmp_path: Path,
) -> None:
    users = [user(tmp_path) for _ in range(3)]
    sockets = {one.stdout.readline() for one in users if one.stdout}
    assert len(sockets) == 1
    server = Valkey(tmp_path).pid
    for one in users:
        assert is_alive(tmp_path / FOLDER)
        assert Valkey(tmp_path).pid == server
        one.kill()
        one.communicate()
    eventually(lambda: not is_alive(tmp_path / FOLDER))


def test_a_killed_server_comes_back_and_a_killed_keeper_takes_it_along(tmp_path: Path) -> None:
    mine, folder = EmbeddedValkey(tmp_path), tmp_path / FOLDER
    socket = mine.ensure()
    Valkey(tmp_path).kill()
    eventually(lambda: answers(socket, folder))

    os.kill(_parent(Valkey(tmp_path).pid), signal.SIGKILL)
    eventually(lambda: not is_alive(folder))
    assert mine.ensure() == socket
    mine.leave()
    eventually(lambda: not is_alive(folder))


def test_a_server_without_a_keeper_is_replaced_by_one_with_a_keeper(tmp_path: Path) -> None:
    mine, folder = EmbeddedValkey(tmp_path), tmp_path / FOLDER
    folder.mkdir()
    orphan = start(folder, folder / "valkey.sock")
    eventually(lambda: answers(folder / "valkey.sock", folder))

    mine.ensure()

    assert orphan.wait(5) == 0
    assert is_kept(folder)
    mine.leave()
    eventually(lambda: not is_alive(folder))


def test_what_answers_must_be_the_process_that_the_folder_names(tmp_path: Path) -> None:
    mine = EmbeddedValkey(tmp_path)
    socket = mine.ensure()
    pid = tmp_path / FOLDER / PID
    true = pid.read_text()
    pid.write_text("1")
    assert not answers(socket, tmp_path / FOLDER)
    pid.write_text(true)
    assert answers(socket, tmp_path / FOLDER)
    mine.leave()


@pytest.mark.slow
def test_one_that_hangs_is_told_at_once(tmp_path: Path) -> None:
    mine = EmbeddedValkey(tmp_path)
    mine.ensure()
    Valkey(tmp_path).hang()
    try:
        with pytest.raises(ValkeyUnavailable, match="does not answer"):
            EmbeddedValkey(tmp_path).ensure()
    finally:
        Valkey(tmp_path).go_on()
    mine.leave()


def test_a_long_folder_name_gets_a_short_socket_that_is_closed_to_others(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 90)
    mine = EmbeddedValkey(deep)
    socket = mine.ensure()
    assert len(os.fsencode(socket)) <= LONGEST_SOCKET
    assert socket.parent.stat().st_mode & 0o077 == 0
    mine.leave()


async def test_many_who_ask_at_once_get_one(tmp_path: Path) -> None:
    several = [EmbeddedValkey(tmp_path) for _ in range(5)]
    sockets = await asyncio.gather(*(asyncio.to_thread(one.ensure) for one in several))
    assert len(set(sockets)) == 1
    for one in several:
        one.leave()


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
