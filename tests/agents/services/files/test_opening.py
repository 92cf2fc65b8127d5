"""Only regular files are opened, and they are judged once open."""

import os
import socket
from pathlib import Path

import pytest

from tests.agents.services.files.sources import Outcome


def test_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    assert Outcome(tmp_path / "a.csv").rule == "not-regular"


def test_refusing_leaves_nothing_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        assert Outcome(tmp_path.with_suffix(".csv")).rule == "cannot-open"
        assert Outcome("/proc/version").rule == "unknown-format"
        (tmp_path / "d.csv").mkdir(exist_ok=True)
        assert Outcome(tmp_path / "d.csv").rule == "not-regular"
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    assert Outcome(tmp_path / "a.csv").rule == "not-regular"


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path may have 100 bytes only
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("a.csv")
        assert Outcome("a.csv").rule == "cannot-open"


@pytest.mark.parametrize(
    "target", ["/dev/zero", "/dev/null", "/proc/self/environ", "/proc/version", "/sys/kernel/notes"]
)
def test_devices_and_the_kernels_files_are_refused(tmp_path: Path, target: str) -> None:
    if not Path(target).exists():
        pytest.skip("not on this machine")
    (tmp_path / "a.csv").symlink_to(target)
    assert Outcome(tmp_path / "a.csv").rule in {"not-regular", "cannot-open"}


@pytest.mark.parametrize(
    "name, rule",
    [
        ("missing.csv", "cannot-open"),
        ("no/such/folder.csv", "cannot-open"),
        ("a\0.csv", "bad-name"),
        ("a\0b/../x.csv", "bad-name"),
        ("\ud800.csv", "cannot-open"),
        ("x" * 300 + ".csv", "cannot-open"),
        ("a.csv/", "cannot-open"),
        ("", "unknown-format"),
        ("/etc/passwd", "unknown-format"),
        ("https://example.com/a.csv", "cannot-open"),
        ("file:///etc/a.csv", "cannot-open"),
    ],
)
def test_impossible_names_are_refused(
    tmp_path: Path, name: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Outcome(name).rule == rule


def test_a_link_to_a_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"id\n1\n")
    (tmp_path / "a.csv").symlink_to(tmp_path / "real")
    assert Outcome(tmp_path / "a.csv").bodies == [{"id": "1"}]


def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (tmp_path / "a.csv").touch(mode=0)
    assert Outcome(tmp_path / "a.csv").rule == "cannot-open"


def test_a_swapped_path_does_not_change_what_is_read(tmp_path: Path) -> None:
    from agents.services.files.records import read_records  # noqa: PLC0415

    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n' * 20_000)
    items = read_records(path)
    next(items)
    path.unlink()
    path.symlink_to("/dev/zero")
    assert sum(1 for _ in items) == 19_999
