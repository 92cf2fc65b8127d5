"""Results of changes that ended after their turn was answered, such as one that a person approved.

Order processing publishes an event when a change ends. Each event becomes an item of this scenario, which
asks for the result and keeps it; the next turn of the conversation reports it to the customer.
"""

from agents.runtime import READ, Item, Scenario, TransientError, agent
from agents.runtime.intake.enqueue import enqueue
from agents.runtime.journal.item_events import ItemEnded
from agents.runtime.journal.submit import Accepted
from agents.runtime.messaging import Delivery, ask, subscribe
from agents.shop.contracts import CHANGE_ENDED, CHANGE_RESULT, ChangeQuestion
from agents.support.models import ChangeOutcome, EndedChange


def _outcome(item: Item) -> str:
    result = item.fact(ChangeOutcome)
    return result.outcome if result else "unknown"


CHANGE_RESULTS = Scenario("change-results", "1", EndedChange, outcome=_outcome)


@subscribe(CHANGE_ENDED, group=CHANGE_RESULTS.name)
async def hear_change_ended(event: ItemEnded, _delivery: Delivery) -> Accepted:
    """Make the event an item, once for each change."""
    ended = EndedChange(change=event.key)
    return await enqueue(CHANGE_RESULTS, ended.change, ended, tenant=event.tenant)


SUBSCRIPTIONS = (hear_change_ended,)


@agent(READ)
async def keep_change_result(ended: EndedChange) -> ChangeOutcome:
    """The result of the change, for the next turn of the conversation. Raises TransientError."""
    result = await ask(CHANGE_RESULT, ChangeQuestion(change=ended.change))
    if result.outcome == "open":
        raise TransientError(f"change {ended.change} was started again")
    return ChangeOutcome(outcome=result.outcome, rule=result.rule, change=ended.change)
