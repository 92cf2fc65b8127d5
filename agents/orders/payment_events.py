"""What happens to payments later: a refund that fails, a dispute, an authorisation that expires.

Events come from the provider's webhooks (see payment_webhook) or are asked for (`poll`); both put them into the
journal, each once. They come late, twice and in any order, so none of them is believed: how the payment
stands is looked up, and compared with its order as reconciliation does.
"""

import time
from collections.abc import AsyncIterator, Sequence

from agents.orders.reconciliation_rules import payment_of
from agents.orders.returned_money import ReturnedMoney, returned_money
from agents.runtime.errors import TransientError
from agents.runtime.journal.database import Database
from agents.runtime.journal.provider_events import (
    ProviderEvent,
    asked_until,
    keep_events,
    mark_handled,
    unhandled_events,
)
from agents.runtime.model.lifecycle import ENDED
from agents.runtime.recovery.reconciliation import Difference, Ended, JournalView
from agents.runtime.telemetry import get_logger
from agents.services.payments.protocol import ListedPayment, PaymentChange, Payments

log = get_logger(__name__)

SYSTEM = "payments"
FIRST_SECONDS = 7 * 86_400.0  # to look back at the first time
OVERLAP = 3_600.0  # seconds by which a listing may lag behind
GIVEN_UP = 30 * 86_400.0  # a payment that cannot be looked up that long is of another account
AT_ONCE = 1_000


async def poll(database: Database, payments: Payments) -> None:
    """Ask for the events since the last time and keep those that are new. Raises TransientError."""
    asked_at = time.time()
    before = await asked_until(database, SYSTEM)
    since = asked_at - FIRST_SECONDS if before is None else before - OVERLAP
    # Kept all together: the newest come first, and a part of them would hide the older ones for ever.
    found = [
        event_of(change)
        async for page in payments.changes(since)
        for change in page
        if change.payment
    ]
    await keep_events(database, SYSTEM, found, asked_at)


async def differences(view: JournalView, payments: Payments) -> AsyncIterator[Difference]:
    """Yield what is wrong with the payments of all events that nobody has handled.

    An event is left for the next time while its order is in work, or its payment cannot be looked up.
    A payment of another installation on the same account is left to that one.
    """
    database = view.journal.database
    events = await unhandled_events(database, SYSTEM, AT_ONCE)
    for payment in dict.fromkeys(event.subject for event in events):
        try:
            listed = await payments.look_up(payment)
            of = _order_of(listed, await view.by_reference([listed.reference]))
            money = await returned_money(view, [of.item.key] if of is not None else [], [listed])
            in_work = of is not None and of.item.state not in ENDED
            if in_work or not money.may_judge(of, listed):
                continue
            is_ours = view.may_be_ours(listed.reference)
            found = await _difference(of, payments, listed, money) if is_ours else None
        except TransientError as error:
            log.warning("payment cannot be looked up", payment=payment, error=str(error))
            await _give_up(database, [event for event in events if event.subject == payment])
            continue
        if found is not None:
            yield found
        ids = [event.id for event in events if event.subject == payment]
        await mark_handled(database, SYSTEM, ids)


async def _give_up(database: Database, events: Sequence[ProviderEvent]) -> None:
    old = [event.id for event in events if event.at < time.time() - GIVEN_UP]
    await mark_handled(database, SYSTEM, old)


async def _difference(
    of: Ended | None, payments: Payments, listed: ListedPayment, money: ReturnedMoney
) -> Difference | None:
    """What is wrong with a payment, judged again as it stands after its order was read."""
    if of is not None and not of.settled:
        return None  # a dead letter, or a discarded one: a person has it already
    if money.judged(of, listed) is None:
        return None
    return money.judged(of, await payments.look_up(listed.payment.id))


def _order_of(listed: ListedPayment, known: dict[str, list[Ended]]) -> Ended | None:
    of = known.get(listed.reference, [])
    paid = (one for one in of if payment_of(one) == listed.payment.id)
    return next(paid, of[0] if of else None)


def event_of(change: PaymentChange) -> ProviderEvent:
    """The provider's change as the journal keeps it."""
    return ProviderEvent(change.id, change.kind, change.payment, change.at)
