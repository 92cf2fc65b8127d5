"""What dated versions of the API changed in the body of a hand-over."""

from typing import Any

from agents.runtime.model.api_versions import Change, unchanged


def without_contents(body: Any) -> Any:
    """The body with the task that is most like it in place of `order_contents`, which is new."""
    task = body.get("task")
    if not isinstance(task, dict) or task.get("name") != "order_contents":
        return body
    return body | {"task": task | {"name": "order_status"}}


CHANGES = (
    Change(
        version="2026-11-29",
        summary="A hand-over may be about what is in an order: its task is then `order_contents`.",
        upcast=unchanged,
        downcast=without_contents,
    ),
)
