"""What dated versions of the API changed in the body of an order."""

from datetime import date
from typing import Any

from agents.orders.validate import InvalidOrder
from agents.runtime.model.api_versions import Change
from agents.workflow.records import Problem


def without_charges(body: Any) -> Any:
    """The body as it is. Raises InvalidOrder for `charges`, which the version before did not know."""
    if isinstance(body, dict) and "charges" in body:
        message = "is known since version 2026-11-29"
        raise InvalidOrder((Problem("charges", "unknown-field", None, message),))
    return body


def drop_charges(body: Any) -> Any:
    """The body without `charges`: its total is no longer the sum of the lines where there were any."""
    return {name: value for name, value in body.items() if name != "charges"}


CHANGES = (
    Change(
        version="2026-11-29",
        summary="An order may have `charges` beside its lines: shipping, fees and tax less discounts.",
        upcast=without_charges,
        downcast=drop_charges,
        deprecated=date(2026, 11, 29),
        sunset=date(2027, 11, 29),
    ),
)
