"""Parameters that several flows share, with bounds that the UI and the terminal check."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
from cyclopts import Parameter, Token
from pydantic import Field

from flows.workflows import WORKFLOWS


def _words(most: int) -> tuple[object, Parameter]:
    """The length of a text: 1 to `most` characters, checked by the UI and by the terminal."""

    def check(_kind: object, text: str) -> None:
        if not 1 <= len(text) <= most:
            raise ValueError(f"Must have 1 to {most} characters.")

    as_given = Parameter(converter=lambda _kind, tokens: tokens[0].value, validator=check)
    return Field(min_length=1, max_length=most), as_given


def _body(_kind: object, tokens: Sequence[Token]) -> dict[str, Any]:
    """The JSON object with its types; cyclopts itself would read every number as text."""
    try:
        found = orjson.loads(tokens[0].value)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"Must be JSON: {error}.") from None
    if not isinstance(found, dict):
        raise ValueError("Must be a JSON object.")  # noqa: TRY004 - the terminal shows ValueErrors
    return found


if TYPE_CHECKING:
    ScenarioName = str
    ReconciledName = str
else:  # the choices in the UI and on the command line
    ScenarioName = Literal[tuple(WORKFLOWS)]
    ReconciledName = Literal[tuple(name for name, one in WORKFLOWS.items() if one.is_reconciled)]
By = Annotated[str, *_words(100)]
Reason = Annotated[str, *_words(500)]
Body = Annotated[dict[str, Any] | None, Parameter(converter=_body, accepts_keys=False, n_tokens=1)]
Values = Annotated[list[str] | None, Parameter(name="--set")]
