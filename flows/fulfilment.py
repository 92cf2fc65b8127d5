"""The way of every order, of every change to it, and of goods that come back; it needs no flow run.

`flows.order_processing` runs it on files. Consumers and functions of cloud providers run it on what waits.
"""

from agents.orders.agree_return import agree_return
from agents.orders.apply_change import apply_change
from agents.orders.assess_risk import assess_risk
from agents.orders.book_shipment import book_shipment
from agents.orders.notify_customer import notify_customer, notify_return
from agents.orders.payments import authorise_payment, capture_payment, open_payment
from agents.orders.reserve_stock import issue_stock, reserve_stock
from agents.orders.restock_return import restock_return
from agents.orders.settle_return import charge_exchange, refund_return
from agents.orders.ship_exchange import book_exchange, hold_exchange, issue_exchange
from agents.runtime import Batch, graph, saga

FULFIL = graph(
    assess_risk,
    reserve_stock,
    open_payment,
    authorise_payment,
    capture_payment,
    book_shipment,
    issue_stock,
    after={
        reserve_stock: [assess_risk],  # nothing is begun for an order that looks like fraud
        open_payment: [assess_risk],
        authorise_payment: [reserve_stock],  # no money is held for goods that are not there
    },
)
"""The agents of every order; what else comes after what, their types say."""


async def fulfil(batch: Batch) -> None:
    """The way of every order; if an agent fails for good, what was done before is undone in reverse."""
    async with saga(batch):
        batch = await FULFIL(batch)
    await notify_customer(batch)


async def amend(batch: Batch) -> None:
    """The step of every change that a customer asks for."""
    async with saga(batch):
        await apply_change(batch)


async def take_back(batch: Batch) -> None:
    """The way of goods that came back: they are put on sale, new ones are sent, and money is settled.

    Money is given back after the new goods are booked: that is not undone.
    """
    async with saga(batch):
        batch = await agree_return(batch)
        batch = await restock_return(batch)
        batch = await hold_exchange(batch)
        batch = await charge_exchange(batch)
        batch = await book_exchange(batch)
        batch = await refund_return(batch)
        await issue_exchange(batch)
    await notify_return(batch)
