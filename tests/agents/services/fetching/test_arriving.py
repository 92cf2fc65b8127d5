"""The rest of a document is taken only if it certainly belongs to what is there."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agents.runtime.errors import TransientError
from agents.services.fetching.arriving import Arriving
from agents.services.fetching.fetcher import Fetcher
from tests.agents.services.fetching.strict_host import Host, Served, hosting

URL = "https://a/x.csv"
LONG = bytes(range(256)) * 8_000  # more than is held in memory


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting() as host:
        yield host


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "identity"}])
async def test_after_a_broken_connection_only_the_rest_is_sent(
    host: Host, tmp_path: Path, headers: dict[str, str]
) -> None:
    host.documents["/x"] = Served(LONG, etag='"1"', cut=1_500_000, ranges=True, headers=headers)
    async with Fetcher(tmp_path, frozenset({host.host})) as fetcher:
        fetched = await fetcher.fetch(host.url("/x"))
    assert (tmp_path / fetched.sha256).read_bytes() == LONG
    assert (fetched.size, fetched.etag) == (len(LONG), '"1"')
    assert host.answers == {("GET", "/x", 200): 1, ("GET", "/x", 206): 1}
    assert host.given[-1]["Range"] == "bytes=1500000-"
    assert sorted(os.listdir(tmp_path)) == [".fetched", fetched.sha256]  # noqa: PTH208 - in a coroutine


def begun(tmp_path: Path, etag: str) -> Arriving:
    arriving = Arriving(tmp_path)
    arriving.answered(URL, httpx.Response(200, headers={"ETag": etag}))
    arriving.take(b"abc")
    return arriving


def test_only_a_strong_etag_of_the_same_url_tells_what_the_rest_is_of(tmp_path: Path) -> None:
    assert begun(tmp_path, '"1"').condition(URL) == {"Range": "bytes=3-", "If-Range": '"1"'}
    assert begun(tmp_path, '"1"').condition(f"{URL}?b") == {}
    assert begun(tmp_path, 'W/"1"').condition(URL) == {}
    assert begun(tmp_path, "").condition(URL) == {}


@pytest.mark.parametrize(
    "status,headers",
    [
        (206, {"Content-Range": "bytes 2-5/6"}),
        (206, {"Content-Range": "bytes 3-4/6"}),
        (206, {"Content-Range": "bytes 3-5/6", "ETag": '"2"'}),
        (206, {}),
        (416, {"Content-Range": "bytes */3"}),
    ],
)
async def test_after_another_part_the_whole_is_asked_for(
    tmp_path: Path, status: int, headers: dict[str, str]
) -> None:
    arriving = begun(tmp_path, '"1"')
    with pytest.raises(TransientError, match="another part than it was asked for"):
        arriving.answered(URL, httpx.Response(status, headers=headers))
    assert arriving.condition(URL) == {}
    arriving.answered(URL, httpx.Response(200))
    arriving.take(b"new")
    arriving.require_whole()
    assert (tmp_path / await arriving.download.keep()).read_bytes() == b"new"


def test_another_document_replaces_the_beginning(tmp_path: Path) -> None:
    arriving = begun(tmp_path, '"1"')
    arriving.answered(URL, httpx.Response(200, headers={"ETag": '"2"'}))
    arriving.take(b"x")
    assert arriving.download.size == 1
    assert arriving.condition(URL) == {"Range": "bytes=1-", "If-Range": '"2"'}
