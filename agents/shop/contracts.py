"""What scenarios ask, command and hear of each other: typed messages, each with a name and a version.

Scenarios do not import each other; they import these contracts. Order processing answers the questions
and publishes the event. To change a message, raise the minor version of its topic: the release before then
leaves out what it does not know. What is more than a field with a default needs an upcast from the form
before. `deployments.schemas` compares them with those of the last release.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from agents.runtime.journal.item_events import ItemEnded, ended
from agents.runtime.messaging import RequestReply, Topic
from agents.shop.accounts import CustomerAccount, OrderAccount
from agents.shop.requests import CustomerId, Kind, Request

MOST_LATEST = 20  # orders that one question may ask for beside those that it names


class Message(BaseModel, frozen=True, extra="forbid"):
    """The body of a message; unknown fields are refused."""


class AccountQuestion(Message):
    """Ask what this customer may see and change.

    `orders` are the orders in question; `latest` is the number of the customer's latest orders that are
    wanted besides.
    """

    customer: CustomerId
    orders: tuple[str, ...] = ()
    latest: Annotated[int, Field(ge=0, le=MOST_LATEST)] = 0


class OrderView(OrderAccount):
    """The present state of an order; `refuses` maps each kind of request that it refuses now to the rule."""

    refuses: Mapping[Kind, str] = {}


class AccountView(Message):
    """The customer, and those of the orders in question that are the customer's own.

    `latest` are the numbers of the latest orders, the newest first; they are in `orders` as well.
    """

    customer: CustomerAccount
    orders: Mapping[str, OrderView] = {}
    latest: tuple[str, ...] = ()


class ChangeCommand(Message):
    """Command what the customer `by` requests. The same request of the same `turn` is one change."""

    by: CustomerId
    turn: str
    request: Request


class ChangeAccepted(Message):
    """`change` is the key of the change that is carried out; or `refused` is the rule against it."""

    change: str = ""
    refused: str = ""


class ChangeQuestion(Message):
    """Ask for the result of the change that has this key."""

    change: str


class ChangeResult(Message):
    """The result of a change; `rule` is the rule of the shop that refused it.

    `open` is still to be carried out, `waiting` is to be approved by a person.
    """

    outcome: Literal["open", "waiting", "applied", "refused"]
    rule: str = ""


ACCOUNT = RequestReply(
    Topic("orders.account", AccountQuestion, "1.1"),
    Topic("orders.account.view", AccountView, "1.5"),
)
CHANGE = RequestReply(
    Topic("orders.change", ChangeCommand), Topic("orders.change.accepted", ChangeAccepted)
)
CHANGE_RESULT = RequestReply(
    Topic("changes.question", ChangeQuestion), Topic("changes.result", ChangeResult)
)
CHANGE_ENDED: Topic[ItemEnded] = ended("changes")
