"""Hostile requests, byte by byte, each with the answers that are right for it."""

import base64
import time
from collections.abc import Iterable

import orjson

from tests.deployments.gateway.orders import order

Attack = tuple[bytes, set[int]]
CLOSE = "Connection: close"
JSON = "Content-Type: application/json"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def request(target: str, *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    """A request with a Host and, for a body, its length; the given headers come first."""
    lines = [f"{method} {target} HTTP/1.1", *headers]
    if not any(header.lower().startswith("host") for header in headers):
        lines.append("Host: 127.0.0.1")
    if body and not any("length" in h.lower() or "transfer" in h.lower() for h in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, CLOSE, "", ""]).encode("latin-1") + body


def framing() -> dict[str, Attack]:
    """Requests whose length two servers could read differently."""
    smuggle = b"0\r\n\r\n" + SMUGGLED
    chunked = "Transfer-Encoding: chunked"
    found: dict[str, Iterable[str]] = {
        "length and chunks": [f"Content-Length: {len(smuggle)}", chunked],
        "chunks and length": [chunked, "Content-Length: 4"],
        "two lengths": ["Content-Length: 5", f"Content-Length: {len(smuggle)}"],
        "a list of lengths": ["Content-Length: 5, 6"],
        "a signed length": ["Content-Length: +5"],
        "a negative length": ["Content-Length: -1"],
        "a length in hexadecimal": ["Content-Length: 0x10"],
        "a huge length": ["Content-Length: " + "9" * 30],
        "an unknown coding": ["Transfer-Encoding: xchunked"],
        "two codings": ["Transfer-Encoding: chunked, identity"],
        "a hidden coding": ["Transfer-Encoding:\x0bchunked", "Content-Length: 5"],
        "a space before the colon": ["Content-Length : 5"],
        "a header without a name": [": a"],
        "a null in a header": ["X: a\x00b"],
    }
    attacks: dict[str, Attack] = {
        name: (request("/keys", *headers, JSON, method="POST", body=smuggle), {400, 401, 413, 501})
        for name, headers in found.items()
    }
    return attacks | {
        "a chunk without a size": (
            request("/keys", chunked, JSON, method="POST", body=b"zz\r\n"),
            {400},
        ),
        "a chunk with a huge size": (
            request("/keys", chunked, JSON, method="POST", body=b"f" * 40 + b"\r\n"),
            {400},
        ),
    }


def messages() -> dict[str, Attack]:
    """What is no HTTP/1.1, or more of it than anybody needs."""
    refused = {400, 404, 405, 421, 431, 501, 505}
    return {
        "HTTP/0.9": (b"GET /audit\r\n\r\n", refused),
        "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400}),
        "HTTP/9": (b"GET /audit HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n", {400}),
        "TLS": (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n",
            refused,
        ),
        "noise": (bytes(range(256)) * 4 + b"\r\n\r\n", refused),
        "a folded header": (request("/audit", "X: a\r\n b"), {400, 401}),
        "many headers": (request("/audit", *(f"X-{n}: a" for n in range(300))), {431}),
        "a long header": (request("/audit", "X: " + "a" * 100_000), {431}),
        "a long method": (request("/audit", method="A" * 5_000), {400, 405}),
        "a lower-case method": (request("/audit", method="get"), {400, 405}),
        "CONNECT": (request("evil.example:443", method="CONNECT"), {400, 405}),
        "TRACE": (request("/audit", method="TRACE"), {405}),
        "OPTIONS *": (request("*", method="OPTIONS"), {400, 405}),
        "an upgrade": (request("/audit", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"), {400, 401}),
        "an unknown expectation": (request("/audit", "Expect: 200-ok"), {401, 417}),
    }


def addresses() -> dict[str, Attack]:
    """Hosts and targets that mislead."""
    paths = {
        "an empty segment": "//audit",
        "another host as a path": "//evil.example/audit",
        "dots": "/v/../audit",
        "encoded dots": "/v/%2e%2e/audit",
        "half-encoded dots": "/v/.%2E/audit",
        "a null": "/audit%00.json",
        "a header in the path": "/audit%0d%0aSet-Cookie:%20a=b",
        "an absolute target": "http://evil.example/audit",
        "no slash": "audit",
        "a long path": "/v/orders/" + "a" * 5_000,
        "a long query": "/audit?by=" + "a" * 9_000,
        "many parameters": "/audit?" + "&".join(f"p{n}=1" for n in range(500)),
        "a null in the query": "/audit?by=a%00b",
    }
    unknown = {
        "another case": "/AUDIT",
        "a slash at the end": "/audit/",
        "a backslash": "/\\evil.example",
        "a matrix parameter": "/audit;a=b",
        "a file": "/.env",
        "a file of the console": "/console/static/..%2f..%2fapp.py",
        "an encoded slash": "/%61udit%2f",
    }
    hosts = {
        "no host": (b"GET /audit HTTP/1.1\r\nConnection: close\r\n\r\n", {400, 421}),
        "two hosts": (request("/audit", "Host: 127.0.0.1", "Host: evil.example"), {400, 421}),
        "an unknown host": (request("/audit", "Host: evil.example"), {421}),
        "a host with a path": (request("/audit", "Host: 127.0.0.1/evil"), {400, 421}),
        "a host with a user": (request("/audit", "Host: 127.0.0.1@evil.example"), {400, 421}),
        "a forwarded host": (request("/audit", "X-Forwarded-Host: evil.example"), {401}),
        "an HTTP/1.0 without a host": (b"GET /audit HTTP/1.0\r\n\r\n", {421}),
        "bytes in the path": (b"GET /\xff\xfe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", {400, 404}),
    }
    return (
        {name: (request(path), {400, 414}) for name, path in paths.items()}
        | {name: (request(path), {404}) for name, path in unknown.items()}
        | hosts
    )


def credentials(admin: str) -> dict[str, Attack]:
    """Callers that nobody knows, and those that may do less than they ask for."""
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": "https://login.example",
        "aud": "gateway",
        "sub": "a",
        "scope": "admin",
    }
    claims |= {"tenant": "default", "exp": now + 60}

    def unsigned(algorithm: str, **other: object) -> str:
        parts = ({"alg": algorithm, "kid": "one"}, claims | other)
        return ".".join(
            base64.urlsafe_b64encode(orjson.dumps(p)).decode().rstrip("=") for p in parts
        )

    tokens = {
        "a token without a signature": unsigned("none") + ".",
        "an expired token": unsigned("ES256", exp=now - 3_600) + ".AAAA",
        "a token with an empty signature": unsigned("ES256") + ".",
        "a token by a shared secret": unsigned("HS256") + ".AAAA",
        "a key without its last character": admin[:-1],
        "a key in another case": admin.upper(),
        "a query for a key": "afk_' OR '1'='1_x",
        "nothing": "",
        "a long credential": "a" * 12_000,
    }
    cross = ["Origin: https://evil.example", "Access-Control-Request-Method: POST"]
    return {
        name: (request("/audit", f"Authorization: Bearer {token}"), {401, 431})
        for name, token in tokens.items()
    } | {
        "no credentials": (request("/audit"), {401}),
        "another scheme": (request("/audit", "Authorization: Basic YTpi"), {401}),
        "a key in the address": (request(f"/audit?key={admin}&access_token={admin}"), {401}),
        "a session that nobody began": (request("/audit", "Cookie: agent_flows_session=x"), {401}),
        "another origin asks first": (request("/keys", *cross, method="OPTIONS"), {405}),
        "a form of another site": (
            request("/login", *cross, method="POST", body=b"key=" + admin.encode()),
            {403},
        ),
    }


BAD = {400, 413, 415, 422}
BODIES = {
    "no JSON": b"{",
    "empty": b"",
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a list": b"[]",
    "a text": b'"a"',
    "not a number": b'{"name": NaN}',
    "an infinite number": b'{"total": 1e999}',
    "a long number": b'{"total": ' + b"9" * 10_000 + b"}",
    "half a character": b'{"name": "\\ud800"}',
    "no UTF-8": b'{"name": "\xff"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a prototype": b'{"__proto__": {"scopes": ["admin"]}}',
}
KINDS = ("text/plain", "application/xml", "application/json; charset=utf-16", "a/b/c", "\x7f")


def post(target: str, admin: str, body: bytes, *headers: str) -> bytes:
    """A request of a known caller with a body; JSON unless the headers say otherwise."""
    known = (f"Authorization: Bearer {admin}", *(headers or (JSON,)))
    return request(target, *known, method="POST", body=body)


def contents(admin: str) -> dict[str, Attack]:
    """Bodies of a known caller that mislead."""
    compressed = (JSON, "Content-Encoding: gzip")
    return (
        {f"{n} as a key": (post("/keys", admin, body), BAD) for n, body in BODIES.items()}
        | {f"{n} as an order": (post("/v/orders", admin, body), BAD) for n, body in BODIES.items()}
        | {
            f"an order as {kind!r}": (post("/v/orders", admin, b"{}", f"Content-Type: {kind}"), BAD)
            for kind in KINDS
        }
        | {"a compressed body": (post("/v/orders", admin, b"x", *compressed), {415})}
    )


def members(admin: str) -> dict[str, Attack]:
    """Bodies with members that no caller may set, and with characters that no table may hold."""
    key = {"name": "shop", "scopes": ["read"], "reason": "a new shop"}
    of_key = {"tenant": "other", "id": "1", "hash": "x", "revoked_at": None, "name": "a\x00"}
    of_order = {"tenant": "other", "state": "completed", "id": 1, "order_id": "W\x00"}
    return {
        f"a key with {name}": (post("/keys", admin, orjson.dumps(key | {name: value})), {422})
        for name, value in of_key.items()
    } | {
        f"an order with {name}": (
            post("/v/orders", admin, orjson.dumps(order(9) | {name: value})),
            {400, 422},
        )
        for name, value in of_order.items()
    }


def parameters(admin: str) -> dict[str, Attack]:
    """Parameters of a known caller that mislead."""
    known = f"Authorization: Bearer {admin}"
    queries = (
        *("limit=-1", "limit=1000000000", "limit=1e3", "limit=NaN", "limit=", "limit[]=1"),
        *("limit=1&limit=x", "after=" + "1" * 3_000 + "x", "since=9999999999999999", "tenant=b"),
    )
    return {f"?{one[:30]}": (request(f"/audit?{one}", known), {400, 422}) for one in queries} | {
        "an item of a workflow that does not exist": (request("/v/users/1", known), {404}),
        "a key that is no id": (post("/keys/none/revoke", admin, b"{}"), {404, 422}),
    }
