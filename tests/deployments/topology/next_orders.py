"""What the second major version of orders does in the later release of a drill: a step more than the first."""

from pydantic import BaseModel

from agents.orders.models import Order
from agents.orders.notify_customer import notify_customer
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.saga import saga
from agents.runtime.model.batch import Batch
from agents.runtime.model.policies import PURE
from flows.fulfilment import FULFIL


class Thanks(BaseModel, frozen=True):
    """What the new step finds."""

    text: str


@agent(PURE)
def thank(order: Order) -> Thanks:
    """Word the thanks for an order."""
    return Thanks(text=f"thank you, {order.customer.name}")


async def fulfil(batch: Batch) -> None:
    """The way of every order of version 2."""
    async with saga(batch):
        batch = await FULFIL(await thank(batch))
    await notify_customer(batch)
