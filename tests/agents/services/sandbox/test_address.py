"""The address file: whole or absent, and for its owner's eyes."""

from pathlib import Path

import pytest

from agents.services.sandbox.address import FILE, SandboxAddress, read_address, write_address


def test_what_is_written_is_read(tmp_path: Path) -> None:
    address = SandboxAddress("http://127.0.0.1:1", 2, "t")
    write_address(tmp_path, address)
    assert read_address(tmp_path) == address
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"url": "x", "pid": "y", "token": "z"}'])
def test_what_cannot_be_read_is_no_address(tmp_path: Path, text: str) -> None:
    assert read_address(tmp_path) is None
    (tmp_path / FILE).write_text(text)
    assert read_address(tmp_path) is None
