"""What a caller gives with an act on an item: the reason, and what the act needs."""

from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from agents.workflow.fields import visible_text
from deployments.gateway.item_views import Act, is_storable

LONGEST_REASON = 500
MOST_FIELDS = 100


def _storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError("must have no NUL and no lone surrogate")
    return text


Reason = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_REASON, pattern=r"\S", description="why; it is kept"),
    BeforeValidator(visible_text),
]
AgentName = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_storable)]


def _writable(value: Any) -> Any:
    """The value, which JSON of other programs can have too. Raises ValueError for one that it cannot."""
    try:
        orjson.dumps(value)
    except TypeError:
        raise ValueError(
            "must have texts in UTF-8, integers of 64 bits and no deep nesting"
        ) from None
    return value


Json = Annotated[dict[str, JsonValue], BeforeValidator(_writable)]


class ActForm(BaseModel):
    """An act with its reason."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Reason


class DecideForm(ActForm):
    """Approve or reject an item that waits for a person."""

    verdict: Literal["approve", "reject"]


class EditForm(ActForm):
    """A new body: whole, or as the fields that change."""

    body: Json | None = Field(None, description="the whole new body")
    fields: Json | None = Field(
        None,
        max_length=MOST_FIELDS,
        description="new values by path, such as address.city or lines.0.quantity",
    )
    retry: bool = Field(False, description="replay a dead letter once it is edited")


class DiscardForm(ActForm):
    """End a dead letter without undoing anything."""

    money_stays: bool = Field(False, description="you know that what is paid or held stays so")


class RestartForm(ActForm):
    """Run an item again from one of its agents on."""

    agent: AgentName = Field(description="an agent that the item has reached")


class SkipForm(ActForm):
    """End an item as if it were done, so that what needs it goes on."""

    branch: bool = Field(False, description="also skip what needs nothing but skipped items")


FORMS: dict[Act, type[ActForm]] = {
    Act.CANCEL: ActForm,
    Act.DECIDE: DecideForm,
    Act.EDIT: EditForm,
    Act.REPLAY: ActForm,
    Act.DISCARD: DiscardForm,
    Act.RESTART: RestartForm,
    Act.SKIP: SkipForm,
}
"""The form of each act."""


class Change(BaseModel):
    """A field of the body that an edit changes; without personal data."""

    field: str
    before: Any = None
    after: Any = None
