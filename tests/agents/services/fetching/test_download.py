"""A document is in the store whole or not at all, small or large."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from agents.services.fetching.download import HELD, Download


async def kept(store: Path, content: bytes) -> tuple[str, int]:
    with Download(store) as download:
        for begin in range(0, len(content), HELD // 3):
            download.take(content[begin : begin + HELD // 3])
        return await download.keep(), download.size


@pytest.mark.parametrize("size", [0, 1, HELD, HELD + 1, 3 * HELD + 7])
def test_what_came_in_pieces_is_kept_whole(tmp_path: Path, size: int) -> None:
    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    digest = hashlib.sha256(content).hexdigest()
    for _ in range(2):  # and once more, it is the same document
        assert asyncio.run(kept(tmp_path, content)) == (digest, size)
        assert [(f.name, f.read_bytes()) for f in tmp_path.iterdir()] == [(digest, content)]


@pytest.mark.parametrize("size", [1, 2 * HELD])
def test_what_is_given_up_leaves_nothing(tmp_path: Path, size: int) -> None:
    with Download(tmp_path) as download:
        download.take(b"x" * size)
    assert list(tmp_path.iterdir()) == []
