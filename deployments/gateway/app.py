"""The application: its routes, and what every request passes."""

from fastapi import FastAPI

from deployments.gateway import items
from deployments.gateway.access import Authenticate
from deployments.gateway.problems import answer_with_problems


def create_app(authenticate: Authenticate) -> FastAPI:
    """The gateway's application; it runs within `open_runtime`, whose journal it uses.

    Args:
        authenticate: Says who sent a request, or raises Problem 401.

    """
    app = FastAPI(title="agent-flows", docs_url=None, redoc_url=None)
    app.state.authenticate = authenticate
    answer_with_problems(app)
    app.include_router(items.router)
    return app
