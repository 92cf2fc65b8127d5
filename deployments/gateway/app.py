"""The application: its routes, and what every request passes."""

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI

from deployments.gateway import (
    acts,
    analyses,
    audit_log,
    conversations,
    event_streams,
    health,
    incoming_webhooks,
    items,
    lists,
    openapi,
    queues,
    resources,
    rollouts,
    submit,
    take_overs,
    task_workflows,
    versions,
    webhook_endpoints,
)
from deployments.gateway.access import Authenticate, decide_early
from deployments.gateway.api_versions import VersionHeaders
from deployments.gateway.console import routes as console
from deployments.gateway.console.pages import error_page
from deployments.gateway.journal_away import answer_while_away
from deployments.gateway.problems import answer_with_problems
from deployments.gateway.request_limits import RequestLimits
from deployments.gateway.request_metrics import RequestMetrics
from deployments.gateway.request_spans import RequestSpans
from deployments.gateway.trust import harden, keys, login
from deployments.gateway.use_counter import UseCounter

PARTS = (
    submit,
    lists,
    analyses,  # before the paths of items, whose keys may have any character
    items,
    acts,
    event_streams,
    task_workflows,
    queues,
    resources,
    health,
    audit_log,
    versions,
    rollouts,
    openapi,
    keys,
    login,
    webhook_endpoints,
    incoming_webhooks,
    conversations,
    take_overs,
    console,
)

# FastAPI works out how each route is called when a router is first used. Applications of one process
# share this one, so that the second needs no time for it.
ALL = APIRouter()
for _part in PARTS:
    ALL.include_router(_part.router)


def create_app(authenticate: Authenticate, hosts: Iterable[str] = ()) -> FastAPI:
    """The gateway's application; it runs within `open_runtime`, whose journal it uses.

    Args:
        authenticate: Says who sent a request, or raises Problem 401.
        hosts: Names under which callers reach it, beside those of the loopback interface.

    """
    app = FastAPI(
        title="agent-flows", openapi_url=None, routes=ALL.routes, lifespan=ALL.lifespan_context
    )
    app.state.authenticate = authenticate
    app.state.use_counter = UseCounter()
    app.add_middleware(VersionHeaders)
    app.add_middleware(RequestLimits)
    answer_with_problems(app, error_page, decide_early)
    answer_while_away(app)
    harden(app, hosts)
    app.add_middleware(RequestMetrics)  # what is refused counts too
    app.add_middleware(RequestSpans)  # outermost: what is refused has a span too
    return app
