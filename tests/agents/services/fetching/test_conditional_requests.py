"""What has not changed is not sent again, and what a host says wrongly about its document is not believed."""

import base64
import gzip
import hashlib
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from agents.runtime.errors import TransientError
from agents.services.fetching.credentials import Credential
from agents.services.fetching.fetcher import Caps, Fetcher, Unfetched
from tests.agents.services.fetching.strict_host import MODIFIED, Host, Served, hosting

TEXT = b"at,n\n2025-01-01,1\n2025-01-02,2\n"
CAPS = Caps(bytes=1 << 20, seconds=30.0, connect=10, read=0.3)  # machines are slow


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting() as host:
        yield host


@pytest.fixture
async def fetcher(host: Host, tmp_path: Path) -> AsyncIterator[Fetcher]:
    async with Fetcher(tmp_path, frozenset({host.host}), caps=CAPS) as fetcher:
        yield fetcher


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.services.fetching.fetcher.PAUSE", 0.01)


def content(fetcher: Fetcher, sha256: str) -> bytes:
    return (fetcher.store / sha256).read_bytes()


@pytest.mark.parametrize(
    "served",
    [
        Served(TEXT, etag='"a"'),
        Served(TEXT, etag='W/"a"'),
        Served(TEXT, modified=MODIFIED),
        Served(TEXT, etag='W/"a"', modified=MODIFIED, head=405),
        Served(TEXT, modified=MODIFIED, head=403),
        Served(TEXT, etag='"a"', head=501),
    ],
)
async def test_a_second_look_sends_no_document(
    host: Host, fetcher: Fetcher, tmp_path: Path, served: Served
) -> None:
    host.documents["/a.csv"] = served
    url = host.url("/a.csv")
    first = await fetcher.fetch(url), (await fetcher.look(url)).validator
    async with Fetcher(tmp_path, fetcher.allowed, caps=CAPS) as later:
        assert (await later.fetch(url), (await later.look(url)).validator) == first
    assert host.bodies() == 1
    served.content, served.etag = b"at,n\n", '"b"' if served.etag else ""
    served.modified = "Thu, 02 Jan 2025 10:00:00 GMT" if served.modified else ""
    assert (await fetcher.look(url)).validator != first[1]
    assert content(fetcher, (await fetcher.fetch(url)).sha256) == b"at,n\n"


async def test_a_document_that_is_gone_from_the_store_is_sent_again(
    host: Host, fetcher: Fetcher
) -> None:
    host.documents["/a.csv"] = Served(TEXT, etag='"a"')
    fetched = await fetcher.fetch(host.url("/a.csv"))
    (fetcher.store / fetched.sha256).unlink()
    assert await fetcher.fetch(host.url("/a.csv")) == fetched
    assert host.bodies() == 2


async def test_two_askers_know_nothing_of_each_other(host: Host, fetcher: Fetcher) -> None:
    host.documents["/a.csv"] = Served(TEXT, etag='"a"')
    for asker in ("one", "two"):
        await fetcher.fetch(host.url("/a.csv"), asker)
    assert host.bodies() == 2


async def test_a_change_within_the_second_is_seen(host: Host, fetcher: Fetcher) -> None:
    """Last-Modified tells seconds apart; a document as old as the answer may change again unseen."""
    host.documents["/a.csv"] = Served(TEXT, modified=formatdate(usegmt=True))
    fetched = await fetcher.fetch(host.url("/a.csv"))
    assert fetched.validator == ""
    host.documents["/a.csv"].content = b"at,n\n"
    assert (await fetcher.look(host.url("/a.csv"))).sha256 != fetched.sha256


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-MD5": md5(TEXT)},
        {"Digest": f"SHA-256={sha256(TEXT)}"},
        {"Repr-Digest": f"sha-256=:{sha256(TEXT)}:"},
        {"Content-Digest": f"unknown=:aaaa:, sha-256=:{sha256(TEXT)}:"},
    ],
)
async def test_a_digest_that_the_host_gives_is_checked(
    host: Host, fetcher: Fetcher, headers: dict[str, str]
) -> None:
    host.documents["/a.csv"] = Served(TEXT, headers=headers)
    assert (await fetcher.fetch(host.url("/a.csv"))).size == len(TEXT)
    host.documents["/a.csv"].content = TEXT[:-18]
    with pytest.raises(TransientError, match=next(iter(headers))):
        await fetcher.fetch(host.url("/a.csv"))


@pytest.mark.parametrize("chunked", [False, True])
async def test_what_is_cut_off_is_not_taken_for_the_whole(
    host: Host, fetcher: Fetcher, chunked: bool
) -> None:
    host.documents["/a.csv"] = Served(TEXT, cut=18, chunked=chunked)
    with pytest.raises(TransientError, match="RemoteProtocolError"):
        await fetcher.fetch(host.url("/a.csv"))
    assert list(fetcher.store.glob("[!.]*")) == []
    host.documents["/a.csv"].cut = None
    assert (await fetcher.fetch(host.url("/a.csv"))).size == len(TEXT)


@pytest.mark.parametrize(
    "status,error", [(206, Unfetched), (204, Unfetched), (202, TransientError)]
)
async def test_only_a_whole_answer_is_a_document(
    host: Host, fetcher: Fetcher, status: int, error: type[Exception]
) -> None:
    host.documents["/a.csv"] = Served(TEXT if status != 204 else b"", status=status)
    with pytest.raises(error, match=f"status {status}"):
        await fetcher.fetch(host.url("/a.csv"))


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(TEXT, mtime=0),
        gzip.compress(TEXT[:9], mtime=0) + gzip.compress(TEXT[9:], mtime=0),
    ],
)
async def test_a_content_coding_is_undone(host: Host, fetcher: Fetcher, packed: bytes) -> None:
    host.documents["/a.csv"] = Served(packed, headers={"Content-Encoding": "gzip"})
    fetched = await fetcher.fetch(host.url("/a.csv"))
    assert content(fetcher, fetched.sha256) == TEXT


@pytest.mark.parametrize(
    "coding,packed,error",
    [
        ("gzip", gzip.compress(TEXT, mtime=0)[:-9], "broken off"),
        ("gzip", TEXT, "damaged"),
        ("gzip", b"", "broken off"),
        ("br", TEXT, "'br', which was not asked for"),
    ],
)
async def test_a_content_coding_that_cannot_be_undone_is_an_error(
    host: Host, fetcher: Fetcher, coding: str, packed: bytes, error: str
) -> None:
    host.documents["/a.csv"] = Served(packed, headers={"Content-Encoding": coding})
    with pytest.raises((Unfetched, TransientError), match=error):
        await fetcher.fetch(host.url("/a.csv"))


async def test_a_bomb_in_the_content_coding_is_refused_while_it_expands(
    host: Host, tmp_path: Path
) -> None:
    pack = zlib.compressobj(9, wbits=31)
    bomb = b"".join(pack.compress(bytes(1 << 20)) for _ in range(20)) + pack.flush()
    host.documents["/a.csv"] = Served(bomb, headers={"Content-Encoding": "gzip"})
    async with Fetcher(tmp_path, frozenset({host.host})) as fetcher:
        with pytest.raises(Unfetched, match="expands more than"):
            await fetcher.fetch(host.url("/a.csv"))
    assert list(fetcher.store.glob("[!.]*")) == []


async def test_a_host_that_stalls_is_given_up_and_asked_again(host: Host, fetcher: Fetcher) -> None:
    host.documents["/a.csv"] = served = Served(TEXT, holds=threading.Event())
    with pytest.raises(TransientError, match="ReadTimeout"):
        await fetcher.fetch(host.url("/a.csv"))
    assert host.answers["GET", "/a.csv", 200] > 1
    assert served.holds is not None
    served.holds.set()
    assert (await fetcher.fetch(host.url("/a.csv"))).size == len(TEXT)


async def test_a_host_is_waited_for_as_long_as_it_asks_and_with_jitter(
    host: Host, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[tuple[float, float]] = []

    def drawn(low: float, high: float) -> float:
        waits.append((low, high))
        return 0.0

    monkeypatch.setattr("agents.services.fetching.fetcher.LOTS.uniform", drawn)
    host.documents["/a.csv"] = Served(
        TEXT, refusals=[(503, {"Retry-After": "0"}), (429, {"Retry-After": "0"}), (500, {})]
    )
    assert (await fetcher.fetch(host.url("/a.csv"))).size == len(TEXT)
    assert waits == [(1, 1.1), (1, 1.1), (0.5, 1.5)]


async def test_a_refusal_that_lasts_longer_than_the_limit_says_how_long(
    host: Host, fetcher: Fetcher
) -> None:
    host.documents["/a.csv"] = Served(TEXT, refusals=[(503, {"Retry-After": "60"})])
    with pytest.raises(TransientError) as error:
        await fetcher.fetch(host.url("/a.csv"))
    assert error.value.retry_after == 60
    assert host.answers["GET", "/a.csv", 503] == 1


async def test_a_secret_goes_to_its_host_on_behalf_of_its_studies_alone(tmp_path: Path) -> None:
    with hosting() as first, hosting() as second:
        first.documents["/a.csv"] = Served(TEXT)
        first.documents["/go"] = Served(b"", status=302, headers={"Location": second.url("/b.csv")})
        second.documents["/b.csv"] = Served(TEXT)
        secret = Credential(first.host, "Authorization", "Bearer s3cret", ("shop-*",))
        allowed = frozenset({first.host, second.host})
        async with Fetcher(tmp_path, allowed, caps=CAPS, credentials=(secret,)) as fetcher:
            await fetcher.fetch(first.url("/go"), "shop-sales")
            await fetcher.fetch(first.url("/a.csv"), "acme.shop-sales")
        sent = [given.get("Authorization") for given in first.given + second.given]
    assert sent == ["Bearer s3cret", None, None]
    assert "s3cret" not in repr(fetcher)
