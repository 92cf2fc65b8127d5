"""Fetching over real HTTP on this machine: what arrives, what is refused, and what is waited for."""

import asyncio
import hashlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agents.analysis.sample.serving import Server, serving
from agents.runtime.errors import TransientError
from agents.services.fetching import download
from agents.services.fetching.addresses import AddressNotAllowed, Target, checked, place_of
from agents.services.fetching.connections import request_to
from agents.services.fetching.fetcher import Caps, Fetcher, Unfetched
from agents.services.fetching.pace import MOST

CAPS = Caps(bytes=100_000, seconds=5, connect=1, read=1)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.csv").write_bytes(b"n\n1\n")
    (folder / "large.csv").write_bytes(b"x" * 200_000)
    with serving(folder) as server:
        yield server


@pytest.fixture
async def fetcher(server: Server, tmp_path: Path) -> AsyncIterator[Fetcher]:
    async with Fetcher(tmp_path / "store", frozenset({server.host}), caps=CAPS) as fetcher:
        yield fetcher


def url(server: Server, name: str = "a.csv") -> str:
    return f"http://{server.host}/{name}"


async def test_a_document_lies_under_its_digest(server: Server, fetcher: Fetcher) -> None:
    fetched = await fetcher.fetch(url(server))
    assert fetched.sha256 == hashlib.sha256(b"n\n1\n").hexdigest()
    assert (fetcher.store / fetched.sha256).read_bytes() == b"n\n1\n"
    assert fetched.validator == (await fetcher.look(url(server))).validator != ""
    assert [path.name for path in fetcher.store.glob("[!.]*")] == [fetched.sha256]


async def test_nothing_is_left_of_what_is_too_large(server: Server, fetcher: Fetcher) -> None:
    with pytest.raises(Unfetched, match="more than 100,000 bytes"):
        await fetcher.fetch(url(server, "large.csv"))
    assert list(fetcher.store.iterdir()) == []


async def test_what_is_not_there_is_not_asked_for_twice(server: Server, fetcher: Fetcher) -> None:
    with pytest.raises(Unfetched, match="status 404"):
        await fetcher.fetch(url(server, "b.csv"))
    assert server.asked["GET", "b.csv"] == 1


async def test_a_host_that_asks_for_patience_gets_it(server: Server, fetcher: Fetcher) -> None:
    server.fault = lambda _, before: (429, {"Retry-After": "0"}) if before < 2 else None
    assert (await fetcher.fetch(url(server))).size == 4
    assert server.asked["GET", "a.csv"] == 3


async def test_a_broken_host_is_a_transient_error(server: Server, fetcher: Fetcher) -> None:
    server.fault = lambda _, __: (503, {"Retry-After": "60"})
    with pytest.raises(TransientError, match="slow down"):
        await fetcher.fetch(url(server))


@pytest.mark.parametrize("hops", [1, 3, 4])
async def test_redirects_are_followed_a_few_times(
    server: Server, fetcher: Fetcher, hops: int
) -> None:
    server.fault = lambda path, _: (
        (302, {"Location": f"/{int(path) - 1}" if path != "1" else "/a.csv"})
        if path.isdigit()
        else None
    )
    if hops == 4:
        with pytest.raises(Unfetched, match="redirects"):
            await fetcher.fetch(url(server, "4"))
    else:
        assert (await fetcher.fetch(url(server, str(hops)))).size == 4


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:1/", "file:///etc/passwd", "http://169.254.169.254/", "//[::1]/"]
)
async def test_a_redirect_is_checked_like_any_url(
    server: Server, fetcher: Fetcher, target: str
) -> None:
    server.fault = lambda path, _: (302, {"Location": target}) if path == "go" else None
    with pytest.raises(AddressNotAllowed):
        await fetcher.fetch(url(server, "go"))


async def test_next_pages_and_aliases(server: Server, tmp_path: Path) -> None:
    server.following["a.csv"] = "large.csv"
    allowed, aliases = frozenset({server.host}), {"here": f"http://{server.host}/"}
    async with Fetcher(tmp_path / "store", allowed, aliases) as fetcher:
        fetched = await fetcher.fetch("here:///a.csv")
    assert fetched.following == url(server, "large.csv")


async def test_a_name_is_resolved_once_for_check_and_connection(
    server: Server, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: public when it is checked, our own network when it is connected to."""
    answers = iter(["93.184.215.14", "127.0.0.1"])
    asked = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return [next(answers)]

    monkeypatch.setattr("agents.services.fetching.addresses._resolved", resolve)
    target = await _target(server)
    async with fetcher._client(target) as client:
        request = request_to(client, "GET", target, {})
    assert asked == ["rebound.example"]
    assert request.url.host == "93.184.215.14"
    assert request.headers["Host"].startswith("rebound.example")


async def test_a_name_is_resolved_in_its_turn_and_not_for_all_at_once(
    server: Server, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving, most = 0, 0

    async def resolve(host: str, _port: int) -> list[str]:
        nonlocal resolving, most
        resolving += 1
        most = max(most, resolving)
        await asyncio.sleep(0)
        resolving -= 1
        return [host]

    monkeypatch.setattr("agents.services.fetching.addresses._resolved", resolve)
    await asyncio.gather(*(fetcher.fetch(url(server)) for _ in range(int(MOST) + 40)))
    assert most <= MOST


async def test_a_host_has_its_place_back_before_a_document_is_written(
    server: Server, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    (server.folder / "b.csv").write_bytes(b"n\n2\n")
    writing, written = threading.Event(), threading.Event()
    write = download.write

    def slowly(content: bytes, place: Path) -> None:
        if content == b"n\n1\n":
            writing.set()
            written.wait(CAPS.seconds)
        write(content, place)

    monkeypatch.setattr(download, "write", slowly)
    monkeypatch.setattr("agents.services.fetching.pace.FIRST", 1.0)
    monkeypatch.setattr("agents.services.fetching.pace.MOST", 1.0)
    first = asyncio.create_task(fetcher.fetch(url(server)))
    await asyncio.to_thread(writing.wait, CAPS.seconds)
    second = await fetcher.fetch(url(server, "b.csv"))
    assert not first.done()
    written.set()
    assert (await first).sha256 != second.sha256


async def _target(server: Server) -> Target:
    url = f"http://rebound.example:{server.server_address[1]}/a.csv"
    return await checked(place_of(url), frozenset())


async def test_a_host_that_never_answers_costs_its_time_and_no_more(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        accepted: list[socket.socket] = []
        thread = threading.Thread(target=lambda: accepted.append(silent.accept()[0]))
        thread.start()
        caps = Caps(seconds=0.5, connect=0.2, read=0.2)
        async with Fetcher(tmp_path, frozenset({f"127.0.0.1:{port}"}), caps=caps) as fetcher:
            with pytest.raises(TransientError):
                await fetcher.fetch(f"http://127.0.0.1:{port}/")
        thread.join()
        accepted[0].close()
