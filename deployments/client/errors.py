"""The errors of the client: one class for each thing that a caller would do about it.

Source: RFC 9457, "Problem Details for HTTP APIs", 2023.
"""

from collections.abc import Mapping
from typing import Any

import httpx


class GatewayError(Exception):
    """The gateway refused a request.

    Args:
        status: The HTTP status.
        problem: The members of the problem details; empty if the answer had none.
        retry_after: Seconds after which the same request may be sent again, if the gateway said so.

    """

    def __init__(
        self, status: int, problem: Mapping[str, Any], retry_after: float | None = None
    ) -> None:
        super().__init__(status, problem, retry_after)
        self.status, self.problem, self.retry_after = status, problem, retry_after

    @property
    def kind(self) -> str:
        """The name of the problem, such as "unknown-item"."""
        return str(self.problem.get("type", "")).rpartition("/")[2]

    @property
    def field(self) -> str:
        """The field that breaks a rule, such as lines[0].sku."""
        return str(self.problem.get("field", ""))

    @property
    def rule(self) -> str:
        """The rule that it breaks."""
        return str(self.problem.get("rule", ""))

    def __str__(self) -> str:
        found = (
            self.problem.get("detail") or f"HTTP status {self.status}",
            self.problem.get("advice"),
        )
        return "; ".join(str(part) for part in found if part)


class InvalidRequest(GatewayError):
    """The request breaks a rule: correct it."""


class NotAllowed(GatewayError):
    """The key is not valid, or has not the scope."""


class NotFound(GatewayError):
    """There is no such object for this key."""


class Conflict(GatewayError):
    """The object has changed, is in another state, or is another one under the same key."""


class Unavailable(GatewayError):
    """The gateway could not do it for now, also after the retries: try again later."""


_KINDS: Mapping[int, type[GatewayError]] = {
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    412: Conflict,
    428: Conflict,
    429: Unavailable,
}


def error_of(status: int, problem: Mapping[str, Any], retry_after: float | None) -> GatewayError:
    """The error for an answer of this status."""
    default = Unavailable if status >= 500 else InvalidRequest
    return _KINDS.get(status, default)(status, problem, retry_after)


def error_of_response(response: httpx.Response) -> GatewayError:
    """The error for a response that has been read."""
    return error_of(response.status_code, _members(response), _retry_after(response))


def _members(response: httpx.Response) -> Mapping[str, Any]:
    if "json" not in response.headers.get("content-type", ""):
        return {}
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else None
