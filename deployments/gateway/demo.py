"""Demo data: the sample's orders in the queue, a customer of them, and a question of that customer."""

from agents.orders import sample
from agents.orders.read_orders import read_orders
from agents.orders.scenario import ORDERS
from agents.runtime.context import Runtime
from agents.runtime.intake.intake import Intake, Submission
from agents.runtime.journal import api_keys
from agents.runtime.journal import conversations as stored
from agents.runtime.journal.api_keys import NameTaken, NewKey
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.model.batch import RunStats
from deployments.gateway.access import Principal, Scope
from deployments.gateway.conversations import begun, said
from deployments.gateway.problems import Problem

CUSTOMER = "yara_ito_8499"
NAME = "sample customer"
QUESTION = "Where is order W1304208?"
CHUNK = 256  # orders that are enqueued in one commit


async def put_sample(opened: Runtime) -> str:
    """Put the demo data into the journal; returns the customer's key, "" if it was made before."""
    records = [one for one in read_orders(str(sample.ORDERS)) if isinstance(one, Submission)]
    intake = Intake(ORDERS, RunStats(), reject=lambda _: None)
    async for _ in intake.queued(records, CHUNK, Priority.LOW):
        pass
    await _ask(opened)
    new = NewKey(opened.journal.tenant, NAME, (Scope.CHAT,), customer=CUSTOMER)
    try:
        return (await api_keys.create(opened.journal, new, "gateway", "demo data")).key
    except NameTaken:
        return ""


async def _ask(opened: Runtime) -> None:
    """Let the customer ask a question, unless there is a conversation or no customer service."""
    customer = Principal(NAME, opened.journal.tenant, frozenset({Scope.CHAT}), user=CUSTOMER)
    if await stored.recent(opened.journal, CUSTOMER, None, 1):
        return
    try:
        await said(customer, await begun(customer), QUESTION, None)
    except Problem as error:
        print(f"no sample conversation: {error}; {error.advice}")
