"""What order processing answers to other scenarios: accounts, commands to change them, and results."""

from collections.abc import Sequence
from typing import Any

import orjson

from agents.orders.account_view import Settled, customer_account, order_account
from agents.orders.agree_return import agree_return
from agents.orders.book_shipment import book_shipment
from agents.orders.change import Change, address_keys, change_keys
from agents.orders.models import Booked, ExchangePaid, ReturnDue, ReturnRefunded
from agents.orders.returns import ArrivedGoods
from agents.orders.scenario import CHANGES, ORDERS, RETURNS
from agents.orders.settle_return import charge_exchange, refund_return
from agents.orders.ship_exchange import book_exchange
from agents.runtime import PermanentError, TransientError, runtime
from agents.runtime.clock import clock
from agents.runtime.intake.enqueue import enqueue
from agents.runtime.journal.queries import latest_of, named, outcomes_below, outcomes_of
from agents.runtime.journal.submit import Disposition
from agents.runtime.messaging import Answerer, answer
from agents.runtime.model.lifecycle import ENDED, State
from agents.runtime.model.scenario import hash_of
from agents.shop.catalogue import catalogue, customers
from agents.shop.contracts import (
    ACCOUNT,
    CHANGE,
    CHANGE_RESULT,
    AccountQuestion,
    AccountView,
    ChangeAccepted,
    ChangeCommand,
    ChangeQuestion,
    ChangeResult,
    OrderView,
)
from agents.shop.requests import Exchange, ModifyCustomerAddress, Return
from agents.shop.rules import refusals

REFUSED = "refused, "  # how the text of a RuleViolation begins


@answer(ACCOUNT)
async def view_account(question: AccountQuestion) -> AccountView:
    """The customer's methods of payment and own orders; orders of others are left out."""
    latest = await latest_of(runtime().journal, ORDERS.name, question.customer, question.latest)
    asked = await _own_orders(question)
    items = list({item.key: item for item in (*asked, *latest) if item.body}.values())
    bodies = {item.key: orjson.loads(item.body) for item in items}
    customer = customer_account(question.customer, customers(), ())
    for body in bodies.values():
        so_far = {question.customer: customer}
        customer = customer_account(question.customer, so_far, (), body["payment_method"])
    wanted = [key for order in bodies for key in change_keys(order)]
    changes = {row.key: row for row in await _changes(wanted)}
    booked = await _bookings([item.key for item in items if item.state == State.COMPLETED])
    settled = await _settlements([row.body for row in changes.values() if row.body])
    orders = {}
    for item in items:
        mine = [changes[key] for key in change_keys(item.key) if key in changes]
        known = booked.get(item.key), settled.get(item.key)
        account = order_account(item, mine, customer, catalogue(), clock().time(), *known)
        orders[item.key] = OrderView(**dict(account), refuses=refusals(account))
    shown = tuple(item.key for item in latest if item.body)
    return AccountView(customer=customer, orders=orders, latest=shown)


@answer(CHANGE)
async def accept_change(command: ChangeCommand) -> ChangeAccepted:
    """Put the change into the queue of changes, once. Raises TransientError if its number was taken.

    An order of another customer is refused here, so that nobody uses up what its owner can do once.
    """
    change = Change(by=command.by, turn=command.turn, request=command.request)
    order = getattr(change.request, "order", "")
    if order and not await _own_orders(AccountQuestion(customer=change.by, orders=(order,))):
        return ChangeAccepted(refused="unknown-order")
    if isinstance(change.request, ModifyCustomerAddress):
        numbered = await _numbered(change)
        if numbered is None:
            return ChangeAccepted(refused="too-many-addresses")
        change = numbered
    accepted = await enqueue(CHANGES, change.key, change)
    if accepted.disposition is not Disposition.CONFLICT:
        return ChangeAccepted(change=change.key)
    if isinstance(change.request, ModifyCustomerAddress):
        raise TransientError("another change of the address has taken the number")
    return ChangeAccepted(refused="already-requested")


@answer(CHANGE_RESULT)
async def tell_change_result(question: ChangeQuestion) -> ChangeResult:
    """The state of the change. Raises PermanentError if there is no such change."""
    rows = await _changes([question.change])
    if not rows:
        raise PermanentError(f"there is no change {question.change!r}")
    row = rows[0]
    if row.state == State.COMPLETED:
        return ChangeResult(outcome="applied")
    if row.state == State.WAITING:
        return ChangeResult(outcome="waiting")
    if row.state in ENDED:
        return ChangeResult(outcome="refused", rule=_rule(row.failure))
    return ChangeResult(outcome="open")


ANSWERS: Sequence[Answerer] = (view_account, accept_change, tell_change_result)


async def _own_orders(question: AccountQuestion) -> list[Any]:
    if not question.orders:
        return []
    items = await named(runtime().journal, ORDERS.name, sorted(question.orders))
    owner = question.customer
    return [i for i in items if i.body and orjson.loads(i.body)["customer"]["id"] == owner]


async def _changes(keys: Sequence[str]) -> Sequence[Any]:
    return await named(runtime().journal, CHANGES.name, keys) if keys else ()


async def _bookings(orders: Sequence[str]) -> dict[str, Booked]:
    """The booking of each of these orders' parcels, as far as there is one."""
    if not orders:
        return {}
    found = await outcomes_of(runtime().journal, ORDERS.name, orders, book_shipment.name)
    return {row.key: book_shipment.decode(row.output, row.version) for row in found if row.output}


async def _settlements(changes: Sequence[str]) -> dict[str, Settled]:
    """What was settled of the returns and exchanges among these changes, by order."""
    asked = [Change.model_validate_json(body).request for body in changes]
    orders = [one.order for one in asked if isinstance(one, Return | Exchange)]
    found: dict[str, Settled] = {}
    if not orders:
        return found
    journal = runtime().journal
    for agent in (agree_return, refund_return, charge_exchange, book_exchange):
        for row in await outcomes_below(journal, RETURNS.name, orders, agent.name):
            if row.output and row.body and row.state == State.COMPLETED:
                order = ArrivedGoods.model_validate_json(row.body).order
                more = _settled(agent.decode(row.output, row.version), row.at)
                found[order] = found[order].with_more(more) if order in found else more
    return found


def _settled(fact: object, at: float) -> Settled:
    """What one step of a return has settled, at that time."""
    match fact:
        case ReturnDue(pieces=pieces):
            return Settled(0, at, pieces)
        case ReturnRefunded(amount=amount):
            return Settled(amount, at)
        case ExchangePaid(amount=amount):
            return Settled(-amount, at)
        case Booked(tracking_id=tracking) if tracking:
            return Settled(0, at, parcels=(fact,))
    return Settled(0, at)


async def _numbered(change: Change) -> Change | None:
    """The change of address under its own number, or the first free one; None if none is free."""
    keys = address_keys(change.by)
    known = {row.key: row for row in await _changes(keys)}
    for number, key in enumerate(keys, 1):
        numbered = change.model_copy(update={"number": number})
        row = known.get(key)
        if row is None or row.body_hash == hash_of(numbered.model_dump_json()):
            return numbered
    return None


def _rule(failure: str | None) -> str:
    """The rule in the text of a RuleViolation; "other" for any other failure."""
    error = str(orjson.loads(failure)["error"]) if failure else ""
    return error.removeprefix(REFUSED).partition(":")[0] if error.startswith(REFUSED) else "other"
