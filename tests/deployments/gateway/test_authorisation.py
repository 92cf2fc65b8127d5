"""Every route of the application says who may use it, and is tried with every kind of caller.

Routes and cells come from the application itself: a new route is tried without a line here, except
that a route about objects of a tenant needs one of them in OBJECTS.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from sqlalchemy import event

from agents.runtime.context import runtime
from agents.runtime.journal import api_keys
from agents.runtime.journal.api_keys import NewKey
from deployments.gateway.access import Access, Scope
from tests.deployments.gateway import asgi
from tests.deployments.gateway.orders import order
from tests.deployments.gateway.test_task_workflows import begin

# Routes that change something and need no credentials, each with what protects it instead.
OPEN_ACTS = {
    "/login": "the key in the form, and a limit of attempts",
    "/webhooks/{system}": "the signature of the event",
}
# The beginnings of paths whose parameters are no tenant's, or name one of OBJECTS.
SHARED = (
    "/webhooks/{system}",
    "/console/static/{name}",
    "/rollouts/{workflow}",
    "/queues/{workflow}",
)
MISSING = {
    "workflow": "orders",
    "key": "0" * 12,
    "endpoint": "f" * 32,
    "delivery": "1",
    "conversation": "e" * 32,
    "number": "1",
    "id": "nothing",
}
COUNTED = {"content-length", "ratelimit"}  # the first as the names have other lengths
WHO: dict[str, int] = {
    "nobody": 401,
    "revoked": 401,
    "expired": 401,
    **dict.fromkeys(map(str, Scope), 403),
}


@dataclass(frozen=True)
class Route:
    """A route of the application, with one of its methods."""

    method: str
    path: str
    rules: tuple[Access, ...]

    def at(self, **values: str) -> str:
        """The path with values for its parameters."""
        return self.path.replace(":path", "").format_map(values)

    @property
    def parameters(self) -> bool:
        return "{" in self.path


def rules_of(dependant: Dependant) -> Iterator[Access]:
    for one in dependant.dependencies:
        if isinstance(one.call, Access):
            yield one.call
        yield from rules_of(one)


def routes_of(app: FastAPI) -> list[Route]:
    return [
        Route(method, str(route.path), tuple(rules_of(route.dependant)))
        for route in iter_route_contexts(app.routes)
        for method in sorted(route.methods or ())
    ]


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def new_key(tenant: str, name: str, scopes: tuple[str, ...], **more: Any) -> str:
    new = NewKey(tenant, name, scopes, **more)
    return (await api_keys.create(runtime().journal, new, "tests", "a caller")).key


@pytest.fixture
async def callers(trusted: FastAPI) -> dict[str, dict[str, str]]:
    """Headers of each kind of caller."""
    found: dict[str, dict[str, str]] = {"nobody": {}} | {
        str(scope): bearer(await new_key("default", scope, (scope,), customer="ann"))
        for scope in Scope
    }
    everything = tuple(Scope)
    made = await api_keys.create(
        runtime().journal, NewKey("default", "revoked", everything), "tests", "a caller"
    )
    await api_keys.revoke(runtime().journal, made.id, "tests", "it was lost")
    expired = await new_key("default", "expired", everything, seconds=-1.0)
    return found | {"revoked": bearer(made.key), "expired": bearer(expired)}


def test_every_route_says_who_may_do_what_to_which_object(trusted: FastAPI) -> None:
    found = routes_of(trusted)
    assert len(found) > 20
    assert [route for route in found if len(route.rules) != 1] == []
    unclear = [route for route in found if not route.rules[0].objects]
    assert unclear == []
    open_acts = {
        route.path
        for route in found
        if route.rules[0].public and route.method not in {"GET", "HEAD"}
    }
    assert open_acts == OPEN_ACTS.keys()


def test_a_route_without_a_rule_is_found(trusted: FastAPI) -> None:
    trusted.get("/forgotten")(lambda: None)
    assert [route.path for route in routes_of(trusted) if not route.rules] == ["/forgotten"]


async def test_each_cell_of_the_matrix_is_as_its_route_says(
    trusted: FastAPI, callers: dict[str, dict[str, str]]
) -> None:
    wrong, cells = list[str](), 0
    for route in routes_of(trusted):
        [rule] = route.rules
        path = route.at(**MISSING, system="none", name="none")
        for who, refusal in WHO.items():
            cells += 1
            allowed = rule.public or who in rule.scopes
            body = b"{}" if allowed else b"{"  # who is refused is told nothing about the body
            answer = await asgi.send(trusted, route.method, path, callers[who], body)
            expected = answer.status not in {0, 401, 403} if allowed else answer.status == refusal
            if route.path == "/login":
                expected = answer.status == (200 if route.method == "GET" else 401)
            if not expected or answer.status >= 500:
                wrong.append(f"{who} {route.method} {route.path}: {answer.status}")
            if answer.status == 401 and not rule.public:
                assert answer.headers["www-authenticate"].startswith("Bearer")
    assert wrong == []
    assert cells == len(routes_of(trusted)) * len(WHO)


async def an_item(app: FastAPI, owner: dict[str, str]) -> dict[str, str]:
    body = order()
    await asgi.send(app, "POST", "/v/orders", owner, _json(body))
    return {"workflow": "orders", "key": body["order_id"]}


async def an_api_key(app: FastAPI, owner: dict[str, str]) -> dict[str, str]:
    wanted = {"name": "shop", "scopes": ["read"], "reason": "a new shop"}
    made = _parsed(await asgi.send(app, "POST", "/keys", owner, _json(wanted)))
    return {"key": made["id"]}


async def an_endpoint(app: FastAPI, owner: dict[str, str]) -> dict[str, str]:
    wanted = {"url": "https://93.184.216.34/hooks", "events": ["orders.ended"]}
    made = _parsed(await asgi.send(app, "POST", "/webhook-endpoints", owner, _json(wanted)))
    return {"endpoint": made["id"], "delivery": "1"}


async def an_analysis(app: FastAPI, owner: dict[str, str]) -> dict[str, str]:
    wanted = {"analysis": "flights-of-2013", "source": ["sample"]}
    made = _parsed(await asgi.send(app, "POST", "/v/analyses", owner, _json(wanted)))
    return {"key": made["key"]}


async def a_conversation(app: FastAPI, owner: dict[str, str]) -> dict[str, str]:
    begun = _parsed(await asgi.send(app, "POST", "/conversations", owner))
    return {"conversation": begun["id"], "number": "1"}


async def a_workflow_of_tasks(_app: FastAPI, _owner: dict[str, str]) -> dict[str, str]:
    await begin("nightly")
    return {"id": "nightly"}


# How the objects are made that a path names, by the beginning of the path.
OBJECTS = {
    "/v/{workflow}": an_item,
    "/events/{workflow}": an_item,
    "/v/analyses/{key}": an_analysis,
    "/console/items/{workflow}": an_item,
    "/console/acts/{workflow}": an_item,
    "/console/edit/{workflow}": an_item,
    "/console/dead-letters/{workflow}": an_item,
    "/console/versions/{workflow}": an_item,
    "/console/queues/{workflow}": an_item,
    "/console/analyses/{key}": an_analysis,
    "/console/keys/{key}": an_api_key,
    "/console/webhooks/{endpoint}": an_endpoint,
    "/keys/{key}": an_api_key,
    "/webhook-endpoints/{endpoint}": an_endpoint,
    "/conversations/{conversation}": a_conversation,
    "/console/conversations/{conversation}": a_conversation,
    "/chat/{conversation}": a_conversation,
    "/task-workflows/{id}": a_workflow_of_tasks,
    "/console/task-workflows/{id}": a_workflow_of_tasks,
}


@pytest.fixture
async def tenants(trusted: FastAPI) -> tuple[dict[str, str], dict[str, str]]:
    """Headers of callers with all scopes: the owner of all objects, and another tenant."""
    return (
        bearer(await new_key("default", "ann", tuple(Scope), customer="c1")),
        bearer(await new_key("other", "eve", tuple(Scope), customer="c1")),
    )


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL that is executed within the block."""
    seen: list[str] = []
    engine = runtime().journal.database.engine.sync_engine

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        # a key is known for two seconds, and uses are stored once in five, whatever is asked
        if "api_keys" not in statement and "api_use" not in statement:
            seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


async def test_another_tenants_object_is_answered_as_one_that_does_not_exist(
    trusted: FastAPI, tenants: tuple[dict[str, str], dict[str, str]]
) -> None:
    owner, other = tenants
    objects = {make: await make(trusted, owner) for make in dict.fromkeys(OBJECTS.values())}
    made = {begin: objects[make] for begin, make in OBJECTS.items()}
    differing = list[str]()
    for route in routes_of(trusted):
        begins = [begin for begin in made if route.path.startswith(begin)]
        if not route.parameters or route.path.startswith(SHARED):
            continue
        assert begins, f"say in OBJECTS how tests make what {route.path} names"
        theirs = made[max(begins, key=len)]
        if not any(f"{{{name}" in route.path for name in theirs.keys() - {"workflow"}):
            continue
        answers = []
        for values in (theirs, MISSING | {"delivery": "1"}):
            with statements() as executed:
                answer = await asgi.send(trusted, route.method, route.at(**values), other)
            body = answer.body
            for value in {*theirs.values(), *MISSING.values()} - {"orders", "1"}:
                body = body.replace(value.encode(), b"*")
            headers = {k: v for k, v in answer.headers.items() if k not in COUNTED}
            answers.append((answer.status, headers, body, executed))
        if answers[0] != answers[1]:
            differing.append(f"{route.method} {route.path}: {answers}")
    assert differing == []
    for path in (
        "/v/{workflow}/{key}",
        "/webhook-endpoints/{endpoint}",
        "/conversations/{conversation}",
    ):
        theirs = made[path.removesuffix("/{key}")]
        assert (await asgi.send(trusted, "GET", path.format_map(theirs), owner)).status == 200


def _json(value: Any) -> bytes:
    written: bytes = orjson.dumps(value)
    return written


def _parsed(answer: asgi.Answer) -> dict[str, Any]:
    assert answer.status in {200, 201, 202}, answer
    found: dict[str, Any] = orjson.loads(answer.body)
    return found
