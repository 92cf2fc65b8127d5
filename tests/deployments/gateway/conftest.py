"""Fixtures of the gateway's tests: the application on a journal, and clients without a socket."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.requests import Request

from agents.runtime.context import open_runtime
from agents.runtime.settings import Settings
from deployments.gateway.access import Principal, Scope
from deployments.gateway.app import create_app
from deployments.gateway.problems import Problem
from deployments.gateway.trust import authenticator

ADMIN = Principal("ann", "default", frozenset(Scope))
Connect = Callable[[Principal | None], httpx.AsyncClient]
_NAMED: dict[str, Principal] = {}


async def by_name(request: Request) -> Principal:
    """The principal that a test's client was made for; None of them is the real authentication."""
    found = _NAMED.get(request.headers.get("x-test-principal", ""))
    if found is None:
        raise Problem(401, "no-credentials", "send an API key")
    return found


@pytest.fixture
async def gateway(journal_settings: Settings) -> AsyncIterator[FastAPI]:
    """The application on an open runtime, with callers that a test names."""
    async with open_runtime(journal_settings):
        yield create_app(by_name)


@pytest.fixture
async def connect(gateway: FastAPI) -> AsyncIterator[Connect]:
    """Makes clients of the application, each for one principal; None sends no credentials."""
    async with AsyncExitStack() as stack:

        def client(principal: Principal | None) -> httpx.AsyncClient:
            headers = {}
            if principal is not None:
                _NAMED[principal.name] = principal
                headers["x-test-principal"] = principal.name
            transport = httpx.ASGITransport(gateway, raise_app_exceptions=False)
            made = httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1", headers=headers
            )
            stack.push_async_callback(made.aclose)
            return made

        yield client


@pytest.fixture
def client(connect: Connect) -> httpx.AsyncClient:
    """A client of a principal with all scopes, of the tenant `default`."""
    return connect(ADMIN)


@pytest.fixture
async def trusted(tmp_path: Path, sqlite_url: str) -> AsyncIterator[FastAPI]:
    """The application with its real authentication."""
    settings = Settings(
        data=tmp_path, journal_url=SecretStr(sqlite_url), gateway_login_rate="1000/minute"
    )
    async with open_runtime(settings):
        yield create_app(authenticator(), ["shop.example"])
