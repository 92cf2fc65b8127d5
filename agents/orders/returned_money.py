"""What the journal says of the money of returns, for the comparison of payments with their orders."""

from collections.abc import Iterable, Mapping, Sequence

from agents.orders.models import ReturnRefunded
from agents.orders.reconciliation_rules import of_exchange, of_payment
from agents.orders.returns import EXCHANGE
from agents.orders.scenario import RETURNS
from agents.runtime.recovery.reconciliation import Difference, Ended, JournalView
from agents.services.payments.protocol import NOTHING, ListedPayment
from agents.workflow.money import to_major


class ReturnedMoney:
    """What arrived of some orders by their number, and the exchanges that some payments are for."""

    def __init__(
        self, tenant: str, returns: Mapping[str, Sequence[Ended]], exchanges: Mapping[str, Ended]
    ) -> None:
        self._tenant, self._returns, self._exchanges = tenant, returns, exchanges

    def may_judge(self, of: Ended | None, listed: ListedPayment) -> bool:
        """Whether the payment is of no return whose money may be moving now, or is another tenant's."""
        exchange = self._exchanges.get(listed.reference)
        known = [exchange] if exchange is not None else self._of(of)
        return all(one.settled and one.item.tenant == self._tenant for one in known)

    def judged(self, of: Ended | None, listed: ListedPayment) -> Difference | None:
        """What is wrong with the payment of an order or of an exchange; None if all is well."""
        if listed.reference.endswith(EXCHANGE):
            known = self._exchanges.get(listed.reference)
            return of_exchange(known, listed.reference, listed.payment)
        facts = [back.item.fact(ReturnRefunded) for back in self._of(of)]
        # What a person has paid in another way is no refund of the payment.
        amount = sum(fact.amount for fact in facts if fact is not None and fact.refund)
        returned = to_major(amount, of.item.payload.currency) if of is not None else NOTHING
        return of_payment(of, listed.reference, listed.payment, returned)

    def _of(self, order: Ended | None) -> Sequence[Ended]:
        return self._returns.get(order.item.key, ()) if order is not None else ()


async def returned_money(
    view: JournalView, orders: Iterable[str], listed: Iterable[ListedPayment]
) -> ReturnedMoney:
    """The money of the returns of these orders, and of the exchanges among these payments."""
    tenant, returns = view.journal.tenant, view.of(RETURNS)
    mine = await returns.below(orders)
    names = [one.reference for one in listed if one.reference.endswith(EXCHANGE)]
    known = await returns.by_reference(name.removesuffix(EXCHANGE) for name in names)
    exchanges = {f"{name}{EXCHANGE}": some[0] for name, some in known.items() if some}
    return ReturnedMoney(tenant, mine, exchanges)
