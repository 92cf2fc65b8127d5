"""JSON Web Tokens: one valid token opens what its claims say, and each way to forge one opens nothing."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, KeySet, OctKey, RSAKey
from pydantic import SecretStr

from agents.runtime.context import open_runtime
from agents.runtime.settings import JwtSettings, Settings
from deployments.gateway.access import Principal, Scope
from deployments.gateway.app import create_app
from deployments.gateway.problems import Problem
from deployments.gateway.trust import authenticator, key_sets
from deployments.gateway.trust.tokens import Tokens
from tests.deployments.gateway import asgi

KEY = ECKey.generate_key("P-256", {"kid": "one"})
OTHER = ECKey.generate_key("P-256", {"kid": "one"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
PROVIDER = "https://login.example"


def claims(**other: Any) -> dict[str, Any]:
    now = int(time.time())
    known = {"iss": PROVIDER, "aud": "gateway", "sub": "ann@shop", "iat": now, "exp": now + 60}
    return known | {"tenant": "shop-a", "scope": "read submit root"} | other


def token(key: Key = KEY, header: dict[str, Any] | None = None, **other: Any) -> str:
    head = {"alg": "ES256", "kid": "one"} | (header or {})
    head = {name: value for name, value in head.items() if value is not None}
    values = {name: value for name, value in claims(**other).items() if value is not None}
    return jwt.encode(head, values, key, algorithms=["ES256", "RS256", "HS256"])


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


def with_secret(secret: bytes) -> str:
    """A token whose signature is made with what everybody knows."""
    signed = f"{encoded({'alg': 'HS256', 'kid': 'one'})}.{encoded(claims())}"
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def publish(path: Path, *published: Key) -> None:
    path.write_bytes(orjson.dumps(KeySet(list(published)).as_dict()))


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    publish(path, KEY, RSA)
    return path


@pytest.fixture
def tokens(keys: Path, tmp_path: Path) -> Tokens:
    settings = JwtSettings(
        issuer=PROVIDER, audience="gateway", keys=str(keys), algorithms=("ES256",)
    )
    return Tokens(settings, tmp_path, frozenset())


async def test_a_token_opens_what_its_claims_say(tokens: Tokens) -> None:
    wanted = Principal("ann@shop", "shop-a", frozenset({Scope.READ, Scope.SUBMIT}))
    assert await tokens.principal(token()) == wanted
    assert await tokens.principal(token(scope=["chat"], customer="yusuf_1")) == Principal(
        "ann@shop", "shop-a", frozenset({Scope.CHAT}), user="yusuf_1"
    )
    assert await tokens.principal(token(aud=["other", "gateway"], exp=time.time() - 20)) == wanted


BAD: dict[str, Callable[[], str]] = {
    "expired": lambda: token(exp=int(time.time()) - 31),
    "never expires": lambda: token(exp=None),
    "expires as a word": lambda: token(exp="never"),
    "not yet valid": lambda: token(nbf=int(time.time()) + 60),
    "another issuer": lambda: token(iss="https://evil.example"),
    "another audience": lambda: token(aud="other"),
    "no audience": lambda: token(aud=None),
    "no subject": lambda: token(sub=None),
    "a subject with a line break": lambda: token(sub="ann\nroot"),
    "no tenant": lambda: token(tenant=None),
    "a tenant that is no name": lambda: token(tenant="../shop-b"),
    "tenants": lambda: token(tenant=["shop-a"]),
    "another key": lambda: token(OTHER),
    "an unknown key": lambda: token(header={"kid": "two"}),
    "no key named": lambda: token(header={"kid": None}),
    "an identity token": lambda: token(header={"typ": "id+jwt"}),
    "an algorithm of the key set that is not wanted": lambda: token(
        RSA, {"alg": "RS256", "kid": "rsa"}
    ),
    "no signature": lambda: f"{encoded({'alg': 'none', 'kid': 'one'})}.{encoded(claims())}.",
    "None": lambda: f"{encoded({'alg': 'None', 'kid': 'one'})}.{encoded(claims())}.",
    "the public key as a secret": lambda: with_secret(KEY.as_pem(private=False)),
    "its own key": lambda: token(OTHER, {"jwk": OTHER.as_dict(private=False)}),
    "a changed claim": lambda: ".".join(
        [token().split(".")[0], encoded(claims(scope="admin")), token().split(".")[2]]
    ),
    "a critical header": lambda: f"{encoded({'alg': 'ES256', 'kid': 'one', 'crit': ['x']})}.e30.AA",
    "two parts": lambda: "e30.e30",
    "five parts": lambda: "e30.e30.e30.e30.e30",
    "deep": lambda: f"{base64.urlsafe_b64encode(b'[' * 3_000).decode()}.e30.AA",
    "no text": lambda: "\N{PILE OF POO}",
    "dots": lambda: "..",
}


@pytest.mark.parametrize("made", BAD.values(), ids=BAD)
async def test_no_forged_token_opens_anything(tokens: Tokens, made: Callable[[], str]) -> None:
    assert await tokens.principal(made()) is None


async def test_a_new_key_is_found_but_invented_ones_cost_one_read(
    tokens: Tokens, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0
    real = key_sets.PublicKeys._text

    async def counted(self: key_sets.PublicKeys) -> bytes:
        nonlocal reads
        reads += 1
        return await real(self)

    monkeypatch.setattr(key_sets.PublicKeys, "_text", counted)
    assert await tokens.principal(token()) is not None
    for number in range(20):
        assert await tokens.principal(token(header={"kid": f"x{number}"})) is None
    assert reads == 1
    new = ECKey.generate_key("P-256", {"kid": "new"})
    publish(keys, new)
    tokens._keys._tried_at -= key_sets.PAUSE_SECONDS + 1
    assert await tokens.principal(token(new, {"kid": "new"})) is not None
    assert await tokens.principal(token()) is None, "a key that was withdrawn opens nothing"
    assert reads == 2


async def test_keys_are_used_while_their_source_is_away_and_not_for_ever(
    tokens: Tokens, keys: Path
) -> None:
    assert await tokens.principal(token()) is not None
    write = keys.write_bytes
    for wrong in (b"", b"[]", b'{"keys": [{}]}', b'{"keys": 1}', b'{"keys": [{"kty": "EC"}]}'):
        write(wrong)
        tokens._keys._read_at -= key_sets.FRESH_SECONDS + 1
        tokens._keys._tried_at -= key_sets.PAUSE_SECONDS + 1
        assert await tokens.principal(token()) is not None
    tokens._keys._read_at -= key_sets.STALE_SECONDS
    with pytest.raises(Problem) as caught:
        await tokens.principal(token())
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "30")


async def test_a_secret_in_the_key_set_verifies_nothing(tokens: Tokens, keys: Path) -> None:
    secret = OctKey.generate_key(256, {"kid": "shared"})
    published = [*KeySet([KEY]).as_dict()["keys"], secret.as_dict(private=True)]
    write = keys.write_bytes
    write(orjson.dumps({"keys": published}))
    forged = token(secret, {"alg": "HS256", "kid": "shared"})
    assert await tokens.principal(forged) is None
    assert [key.kid for key in tokens._keys._keys] in ([], ["one"])


async def serve_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers one request with the key set."""
    await reader.readuntil(b"\r\n\r\n")
    body = orjson.dumps(KeySet([KEY]).as_dict())
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    writer.close()


async def test_callers_with_tokens_use_the_gateway(tmp_path: Path, sqlite_url: str) -> None:
    async with await asyncio.start_server(serve_once, "127.0.0.1") as server:
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        provider = JwtSettings(issuer=PROVIDER, audience="gateway", keys=f"http://{host}/keys")
        settings = Settings(
            data=tmp_path,
            journal_url=SecretStr(sqlite_url),
            jwt=provider,
            fetch_allowed=(host,),
        )
        async with open_runtime(settings):
            app = create_app(authenticator())

            async def ask(credential: str) -> asgi.Answer:
                bearer = {"authorization": f"Bearer {credential}"}
                return await asgi.send(app, "GET", "/audit", bearer)

            assert (await ask(token(scope="admin"))).status == 200
            assert (await ask(token(scope="read"))).status == 403
            refused = [await ask(bad()) for bad in (BAD["expired"], BAD["no signature"])]
            refused.append(await ask("afk_000000000000_x"))
            assert [answer.status for answer in refused] == [401] * 3
            assert len({answer.body for answer in refused}) == 1
    assert list((tmp_path / "jwks").iterdir()) == []
