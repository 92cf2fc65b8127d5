"""The warehouse's webhooks: goods of a return have arrived, which starts the payment of their money.

The sender signs as Standard Webhooks says (https://www.standardwebhooks.com, specification 1.0); the event
is {"type": "return.arrived", "data": {"order": ..., "pieces": [...], "arrival": ...}}. Other types are left alone.
"""

from collections.abc import Mapping

import orjson
from standardwebhooks import Webhook, WebhookVerificationError

from agents.orders.returns import RETURN_RECORDS, ArrivedGoods
from agents.orders.scenario import RETURNS
from agents.runtime import runtime
from agents.runtime.intake.enqueue import enqueue
from agents.runtime.journal.submit import Disposition
from agents.workflow.incoming_webhooks import EventRefused, IncomingWebhook
from agents.workflow.records import InvalidRecord

SYSTEM = "returns"
ARRIVED = "return.arrived"


async def receive(payload: bytes, headers: Mapping[str, str]) -> None:
    """Make the event an item, once for an arrival. Raises EventRefused, also for other goods than before."""
    _verify(payload, headers)
    try:
        event = orjson.loads(payload)
        if event["type"] != ARRIVED:
            return
        _, body = RETURN_RECORDS.validate(event["data"])
    except (ValueError, KeyError, TypeError, InvalidRecord) as error:
        raise EventRefused(SYSTEM, f"the payload is no event: {error}") from None
    arrived = ArrivedGoods.model_validate_json(body)
    accepted = await enqueue(RETURNS, arrived.key, arrived)
    if accepted.disposition is Disposition.CONFLICT:
        goods = f"{arrived.order} have arrived before, name the arrival"
        raise EventRefused(SYSTEM, f"other goods of order {goods}")


def _verify(payload: bytes, headers: Mapping[str, str]) -> None:
    """Raise EventRefused unless one of the secrets has signed the payload, and not long ago."""
    for secret in runtime().settings.returns_webhook_secret.get_secret_value().split():
        try:
            Webhook(secret).verify(payload, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError):  # the latter for what is no signature at all
            continue
        return
    raise EventRefused(SYSTEM, "no secret fits the signature; check the secret and the clock")


WEBHOOKS = (IncomingWebhook(SYSTEM, receive),)
