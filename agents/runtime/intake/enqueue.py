"""Leave one item in the queue of its scenario, where the next consumer or recovery finds it."""

from pydantic import BaseModel

from agents.runtime.context import runtime
from agents.runtime.journal.submit import Accepted, NewItem, Sender, accept
from agents.runtime.model.scenario import Scenario, hash_of
from agents.runtime.telemetry import current_work, traceparent
from agents.runtime.trace_context import new_trace


async def enqueue(
    scenario: Scenario, key: str, payload: BaseModel, *, tenant: str | None = None
) -> Accepted:
    """Accept an item of the scenario under this key, for the process's own tenant unless one is named.

    Idempotent: the same key with the same payload is the same item. With another payload the answer's
    disposition is CONFLICT and the stored item stays as it is. It belongs to the trace of the item in
    work, if there is one.
    """
    here, body, deadline = runtime(), payload.model_dump_json(), scenario.deadline(payload)
    within = None if deadline is None else deadline.total_seconds()
    customer = scenario.customer(payload) or None
    sender = Sender.of(tenant or here.journal.tenant, scenario)
    (forecast,) = here.forecaster.forecasts(scenario, sender.tenant, [(body, payload)])
    cause = current_work()
    item = NewItem(
        *(key, body, hash_of(body), cause.known_trace or new_trace()),
        within=within,
        customer=customer,
        forecast=forecast,
        traceparent=traceparent() if cause.within else None,
    )
    return (await accept(here.journal.database, sender, [item]))[0]
