"""The cost of dated API versions: the CPU of a request at the newest and at the oldest of five, over none.

    python -m tests.benchmarks.api_versions [--requests N] [--rounds N]

One order is posted and one is read, through the whole application without a socket, on SQLite; the three
ways take turns in one process. "none" has neither a choice of the version, nor its count, headers or
conversions.
"""

import argparse
import asyncio
import gc
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from statistics import mean, median
from typing import Any
from unittest.mock import patch

import orjson
from fastapi import FastAPI, Request

from agents.orders import api
from agents.orders.models import EXAMPLE
from agents.runtime.context import open_runtime
from agents.runtime.model.api_versions import Change
from agents.runtime.settings import Settings
from deployments.gateway import access, app
from deployments.gateway.access import Principal, Scope
from deployments.gateway.api_versions import FIRST, HEADER, ApiVersion, versions
from tests.benchmarks.machine import tell

WAYS = ("none", "newest", "oldest")
BLOCK = 10  # requests of one way before the next has its turn
CALLER = Principal("bench", "default", frozenset(Scope), key="bench")
Body = dict[str, Any]


def _moved(version: str, summary: str, old: str, new: str) -> Change:
    """A change that renames a field of the order."""

    def rename(body: Body, before: str, after: str) -> Body:
        return {(after if name == before else name): value for name, value in body.items()}

    up = partial(rename, before=old, after=new)
    return Change(version, summary, up, partial(rename, before=new, after=old))


def _lines(body: Body, names: Mapping[str, str]) -> Body:
    lines = [
        {names.get(name, name): value for name, value in line.items()} for line in body["lines"]
    ]
    return body | {"lines": lines}


def five() -> tuple[Change, ...]:
    """Four changes after the first version: two fields, the lines, and what really changed."""
    up, down = {"price": "unit_price"}, {"unit_price": "price"}
    return (
        _moved("2026-11-24", "`id` is named `order_id`.", "id", "order_id"),
        _moved("2026-11-25", "`ship_to` is named `address`.", "ship_to", "address"),
        Change(
            "2026-11-27",
            "`price` of a line is named `unit_price`.",
            partial(_lines, names=up),
            partial(_lines, names=down),
        ),
        *api.CHANGES,
    )


async def _caller(_request: Request) -> Principal:
    return CALLER


@contextmanager
def without_versions() -> Iterator[FastAPI]:
    """An application that knows the newest form only, and says nothing of versions; others stay."""
    newest, choose = ApiVersion("", {}, {"": []}), access._choose_version

    def one(request: Request, principal: Principal) -> None:
        if request.app is not bare:
            choose(request, principal)
            return
        request.state.api_version, request.state.asked_version = newest, ""

    with patch.object(app, "VersionHeaders", lambda inner: inner):
        bare = app.create_app(_caller)
    with patch.object(access, "_choose_version", one):
        yield bare


@contextmanager
def with_versions(changes: tuple[Change, ...]) -> Iterator[FastAPI]:
    """An application with these changes of orders."""
    versions.cache_clear()
    with patch.object(api, "CHANGES", changes):
        _ = versions()
    try:
        yield app.create_app(_caller)
    finally:
        versions.cache_clear()


async def call(
    application: FastAPI, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
) -> int:
    """The status of one request."""
    found = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            found.append(message["status"])

    await application(scope, receive, send)
    return int(found[0])


class Turns:
    """Requests of one way; each order has a number of its own."""

    def __init__(self, application: FastAPI, way: str, numbers: Iterator[int]) -> None:
        self._application, self._numbers = application, numbers
        name = FIRST if way == "oldest" else ""
        self._version = versions().of(name)
        self._headers = {"Host": "127.0.0.1", "Content-Type": "application/json"}
        self._headers |= {HEADER: name} if name else {}

    async def post(self, requests: int) -> float:
        """CPU seconds of one accepted order."""
        bodies = [orjson.dumps(self._order()) for _ in range(requests)]
        begun = time.process_time()
        for body in bodies:
            assert await call(self._application, "POST", "/v/orders", self._headers, body) == 202
        return (time.process_time() - begun) / requests

    async def get(self, requests: int) -> float:
        """CPU seconds of one order that is read."""
        begun = time.process_time()
        for _ in range(requests):
            assert await call(self._application, "GET", "/v/orders/B0", self._headers) == 200
        return (time.process_time() - begun) / requests

    def _order(self) -> Body:
        assert isinstance(EXAMPLE, dict)
        total: Any = EXAMPLE["total"]
        charges: Any = EXAMPLE["charges"]
        order = {name: value for name, value in EXAMPLE.items() if name != "charges"}
        order |= {"order_id": f"B{next(self._numbers)}", "total": total - charges}
        return self._version.downcast("orders", order)  # type: ignore[no-any-return]  # plain JSON


async def measured(data: Path, requests: int, rounds: int) -> dict[str, Any]:
    """Microseconds of CPU by kind of request and way, and the ratios over none."""
    url = f"sqlite+aiosqlite:///{data / 'journal.db'}"
    seconds: dict[str, dict[str, list[float]]] = {
        kind: {way: [] for way in WAYS} for kind in ("post", "get")
    }
    settings = Settings(data=data, journal_url=url)  # type: ignore[arg-type]  # pydantic wraps it
    numbers = count()
    async with open_runtime(settings):
        with without_versions() as bare, with_versions(five()) as dated:
            turns = {way: Turns(bare if way == "none" else dated, way, numbers) for way in WAYS}
            for turn in range(rounds + 1):
                for kind, of_way in (await in_turns(turns, requests)).items():
                    for way, spent in of_way.items():
                        seconds[kind][way] += [spent] if turn else []  # the first round warms up
    return {kind: summed_up(found) for kind, found in seconds.items()}


async def in_turns(turns: Mapping[str, Turns], requests: int) -> dict[str, dict[str, float]]:
    """CPU seconds of a request by kind and way; they change often, so that a busy machine meets all alike."""
    spent: dict[str, dict[str, list[float]]] = {kind: {} for kind in ("post", "get")}
    gc.collect()
    for block in range(requests // BLOCK):
        for way in WAYS[block % 3 :] + WAYS[: block % 3]:
            spent["post"].setdefault(way, []).append(await turns[way].post(BLOCK))
            spent["get"].setdefault(way, []).append(await turns[way].get(BLOCK))
    return {
        kind: {way: mean(found) for way, found in of_way.items()} for kind, of_way in spent.items()
    }


def summed_up(seconds: Mapping[str, list[float]]) -> dict[str, Any]:
    """The medians in microseconds, and of each round's ratio over none."""
    none = seconds["none"]
    return {f"{way}_us": round(median(found) * 1e6) for way, found in seconds.items()} | {
        f"{way}_over_none": round(median(a / b for a, b in zip(found, none, strict=True)), 3)
        for way, found in seconds.items()
        if way != "none"
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tell(asyncio.run(measured(Path(folder), given.requests, given.rounds)))
