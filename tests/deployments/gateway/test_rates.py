"""Rates of callers: of a key, of a tenant and of an address; with Redis, without it, and while it hangs."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.requests import Request

from agents.runtime.context import open_runtime, runtime
from agents.runtime.journal import api_keys
from agents.runtime.journal.api_keys import NewKey
from agents.runtime.redis.client import RedisClient
from agents.runtime.redis.embedded import FOLDER
from agents.runtime.settings import Settings
from deployments.gateway.access import Principal, Scope
from deployments.gateway.app import create_app
from deployments.gateway.problems import Problem
from deployments.gateway.trust import authenticator, rate_limits
from deployments.gateway.trust.rate_limits import RateLimits
from tests.deployments.gateway import asgi
from tests.redis_servers import Valkey


@pytest.fixture
def settings(tmp_path: Path, sqlite_url: str) -> Settings:
    """Few requests in a long time, so that hardly any test sees the next window."""
    return Settings(
        data=tmp_path,
        journal_url=SecretStr(sqlite_url),
        gateway_key_rate="3/hour",
        gateway_tenant_rate="5/hour",
        gateway_login_rate="4/hour",
    )


async def bearer(name: str, tenant: str = "default") -> dict[str, str]:
    new = NewKey(tenant, name, tuple(Scope))
    made = await api_keys.create(runtime().journal, new, "tests", "a caller")
    return {"authorization": f"Bearer {made.key}"}


async def test_a_key_and_a_tenant_have_rates_of_their_own(settings: Settings) -> None:
    async with open_runtime(settings):
        app = create_app(authenticator())
        ann, ben, eve = await bearer("ann"), await bearer("ben"), await bearer("eve", "other")

        async def ask(caller: dict[str, str], path: str = "/audit") -> asgi.Answer:
            return await asgi.send(app, "GET", path, caller)

        first = await ask(ann)
        assert (first.status, first.headers["ratelimit-policy"]) == (200, '"key";q=3;w=3600')
        assert first.headers["ratelimit"].startswith('"key";r=2;t=')
        assert [(await ask(ann)).status for _ in range(3)] == [200, 200, 429]
        refused = await ask(ann, "/none")
        assert refused.status == 404, "an address that does not exist is no use of a key"
        refused = await ask(ann)
        assert refused.headers["content-type"] == "application/problem+json"
        assert 1 <= int(refused.headers["retry-after"]) <= 3600
        assert b'"rule":"key"' in refused.body
        found = [await ask(ben) for _ in range(3)]
        assert [answer.status for answer in found] == [200, 200, 429]
        assert b'"rule":"tenant"' in found[-1].body
        assert (await ask(eve)).status == 200, "another tenant has all of its own"


async def test_log_ins_from_one_address_are_few(settings: Settings) -> None:
    async with open_runtime(settings):
        app = create_app(authenticator())
        form = {"content-type": "application/x-www-form-urlencoded"}
        found = [await asgi.send(app, "POST", "/login", form, b"key=afk_x_y") for _ in range(6)]
        assert [answer.status for answer in found] == [401] * 4 + [429] * 2
        assert "retry-after" in found[-1].headers


def a_request(address: str) -> Request:
    return Request({"type": "http", "headers": [], "client": (address, 1)})


async def test_a_host_has_all_addresses_of_its_network(settings: Settings) -> None:
    async with open_runtime(settings):
        limits = RateLimits(settings)
        for number in range(4):
            await limits.admit_log_in(a_request(f"2001:db8::{number}"))
        with pytest.raises(Problem, match="limit of this log-in"):
            await limits.admit_log_in(a_request("2001:db8::ffff"))
        await limits.admit_log_in(a_request("2001:db8:0:1::1"))
        for number in range(8):
            await limits.admit_log_in(a_request(f"192.0.2.{number}"))


async def admitted(limits: RateLimits, times: int) -> int:
    """How many of so many requests of one caller are admitted."""
    count = 0
    for _ in range(times):
        with suppress(Problem):
            await limits.admit(a_request("192.0.2.1"), Principal("ann", "a", frozenset(Scope)))
            count += 1
    return count


@pytest.mark.slow
async def test_gateways_count_together_in_redis_and_alone_without_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "REDIS_SECONDS", 5.0)
    server = RedisClient(settings)
    await server.run(lambda redis: redis.ping(), 10.0)  # starts the embedded server
    valkey = Valkey(settings.data)
    named = settings.model_copy(
        update={"redis_url": SecretStr(f"unix://{settings.data}/{FOLDER}/valkey.sock")}
    )
    async with open_runtime(named):
        one, two = RateLimits(named), RateLimits(named)
        assert await admitted(one, 2) == 2
        assert await admitted(two, 2) == 1, "both count in one place"
        monkeypatch.setattr(rate_limits, "REDIS_SECONDS", 0.1)
        valkey.hang()
        try:
            assert await admitted(two, 5) == 3, "it has counted nothing by itself so far"
            begun = time.monotonic()
            others = [RateLimits(named), *[two] * 50]
            await asyncio.gather(*(admitted(limits, 3) for limits in others))
            assert time.monotonic() - begun < 1, "one caller waits, not each"
        finally:
            valkey.go_on()
    await server.close()


def test_a_rate_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bad: Any
    for bad in ("0/minute", "ten/minute", "10/fortnight", ""):
        with pytest.raises(ValueError, match="gateway_key_rate"):
            Settings(gateway_key_rate=bad)
