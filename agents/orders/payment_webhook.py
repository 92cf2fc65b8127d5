"""The payment provider's webhooks: an event is kept, each once, and what it says is looked up later."""

from collections.abc import Mapping

from agents.orders.payment_events import SYSTEM, event_of
from agents.runtime import runtime
from agents.runtime.clock import clock
from agents.runtime.journal.provider_events import keep_events
from agents.services.payments.stripe_events import BadSignature, verified_change
from agents.workflow.incoming_webhooks import EventRefused, IncomingWebhook


async def receive(payload: bytes, headers: Mapping[str, str]) -> None:
    """Keep the event, once. Raises EventRefused."""
    # While the endpoint's secret is rotated there are two, and either may have signed.
    secrets = runtime().settings.stripe_webhook_secret.get_secret_value().split()
    signature = headers.get("stripe-signature", "")
    try:
        change = verified_change(payload, signature, secrets, clock().time())
    except BadSignature as error:
        raise EventRefused(SYSTEM, str(error)) from None
    if change is not None and change.payment:
        await keep_events(runtime().journal.database, SYSTEM, [event_of(change)])


WEBHOOKS = (IncomingWebhook(SYSTEM, receive),)
