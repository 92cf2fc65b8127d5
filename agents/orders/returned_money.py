"""What the journal says of the money of returns, for the comparison of payments with their orders."""

from collections.abc import Iterable, Mapping

from agents.orders.models import ReturnRefunded
from agents.orders.reconciliation_rules import of_exchange, of_payment
from agents.orders.returns import EXCHANGE
from agents.orders.scenario import RETURNS
from agents.runtime.recovery.reconciliation import Difference, Ended, JournalView
from agents.services.payments.protocol import NOTHING, ListedPayment
from agents.workflow.money import to_major


class ReturnedMoney:
    """The returns of some orders by their number, and the exchanges that some payments are for."""

    def __init__(
        self, tenant: str, returns: Mapping[str, Ended], exchanges: Mapping[str, Ended]
    ) -> None:
        self._tenant, self._returns, self._exchanges = tenant, returns, exchanges

    def may_judge(self, of: Ended | None, listed: ListedPayment) -> bool:
        """Whether the payment is of no return whose money may be moving now, or is another tenant's."""
        known = self._exchanges.get(listed.reference)
        if known is None and of is not None:
            known = self._returns.get(of.item.key)
        return known is None or (known.settled and known.item.tenant == self._tenant)

    def judged(self, of: Ended | None, listed: ListedPayment) -> Difference | None:
        """What is wrong with the payment of an order or of an exchange; None if all is well."""
        if listed.reference.endswith(EXCHANGE):
            known = self._exchanges.get(listed.reference)
            return of_exchange(known, listed.reference, listed.payment)
        back = self._returns.get(of.item.key) if of is not None else None
        refunded = back.item.fact(ReturnRefunded) if back is not None else None
        returned = NOTHING
        # What a person has paid in another way is no refund of the payment.
        if of is not None and refunded is not None and refunded.refund:
            returned = to_major(refunded.amount, of.item.payload.currency)
        return of_payment(of, listed.reference, listed.payment, returned)


async def returned_money(
    view: JournalView, orders: Iterable[str], listed: Iterable[ListedPayment]
) -> ReturnedMoney:
    """The money of the returns of these orders, and of the exchanges among these payments."""
    tenant, returns = view.journal.tenant, view.of(RETURNS)
    found = await returns.by_key(orders)
    mine = {key: one for key, some in found.items() for one in some if one.item.tenant == tenant}
    names = [one.reference for one in listed if one.reference.endswith(EXCHANGE)]
    known = await returns.by_reference(name.removesuffix(EXCHANGE) for name in names)
    exchanges = {f"{name}{EXCHANGE}": some[0] for name, some in known.items() if some}
    return ReturnedMoney(tenant, mine, exchanges)
