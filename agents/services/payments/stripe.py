"""Card payments through Stripe's PaymentIntents: authorised by confirm, taken by capture."""

from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from decimal import Decimal
from urllib.parse import quote, urlencode

from agents.services.connections import NO_TOKEN, Connections
from agents.services.http import Answer, Body, Call, HttpApi
from agents.services.paging import PAGE, Page, pages
from agents.services.payments.protocol import (
    Declined,
    ListedPayment,
    Payment,
    PaymentCancelled,
    PaymentChange,
    Refund,
    RefundFailed,
    RefundRefused,
    shown,
)
from agents.services.payments.stripe_answers import (
    LATER_CHANGES,
    changes_page,
    dispute_in,
    listed_in,
    listed_page,
    payment_in,
    refund_in,
    refunds_in,
    with_refunds,
)
from agents.services.payments.stripe_currencies import to_stripe

# Fixes the form of the answers; otherwise the default of the account decides.
HEADERS = {"Stripe-Version": "2024-06-20"}
ANSWERS = frozenset({400, 402})
NOTHING_LEFT = frozenset({"charge_already_refunded", "charge_disputed"})

Form = tuple[tuple[str, str], ...]


class StripePayments:
    """Stripe, or whatever speaks its protocol, at `api`."""

    def __init__(self, api: HttpApi) -> None:
        self._api = api

    async def open(
        self, key: str, reference: str, amount: Decimal, currency: str, method: str
    ) -> Payment:
        """Create a payment that moves no money yet.

        Raises AmountRefused before any call, and Declined for an unknown method.
        """
        form = (
            ("amount", str(to_stripe(amount, currency))),
            ("currency", currency.lower()),
            ("payment_method", method),
            ("payment_method_types[]", "card"),
            ("capture_method", "manual"),
            ("metadata[reference]", reference),
        )
        answer = await self._post(
            "open", "/v1/payment_intents", key, form, frozenset({400, 402, 404})
        )
        if answer.ok:
            return answer.parsed(payment_in)
        if answer.status == 404 or _error(answer).get("param") == "payment_method":
            raise Declined(_code(answer) or "unknown_payment_method")
        raise _refusal(answer)

    async def authorise(self, key: str, payment: str) -> Payment:
        """Reserve the money on the customer's account. Raises Declined, PaymentCancelled.

        A question of the bank to the customer counts as a refusal, as nobody here passes it on.
        """
        answer = await self._step("authorise", "confirm", key, payment)
        if not answer.ok:
            return await self._reached(answer, payment, {"authorised", "captured", "processing"})
        if answer.body.get("status") == "requires_action":
            raise Declined("authentication_required")
        return answer.parsed(payment_in)

    async def capture(self, key: str, payment: str) -> Payment:
        """Take the authorised money. Raises Declined, PaymentCancelled."""
        answer = await self._step("capture", "capture", key, payment)
        if answer.ok:
            return answer.parsed(payment_in)
        return await self._reached(answer, payment, {"captured", "processing"})

    async def find(self, payment: str) -> Payment:
        """The payment as the provider knows it now."""
        return (await self.look_up(payment)).payment

    async def look_up(self, payment: str) -> ListedPayment:
        """The payment as the provider knows it now, with the order that it is for."""
        query = urlencode({"expand[]": "latest_charge"})
        answer = await self._api.read("find", f"{_path(payment)}?{query}")
        listed = answer.parsed(listed_in)
        if listed.payment.status != "captured":
            return listed
        found = with_refunds(listed.payment, await self.refunds(payment))
        return replace(listed, payment=await self._with_dispute(found))

    async def changes(self, since: float) -> AsyncIterator[list[PaymentChange]]:
        """What has happened to payments since then, page by page. Raises TransientError.

        Stripe lists events of the last 30 days. Source: https://docs.stripe.com/api/events/list
        """
        filters = [("types[]", kind) for kind in LATER_CHANGES]

        async def read(after: str) -> Page[PaymentChange]:
            query = [("limit", PAGE), ("created[gte]", int(since)), *filters]
            query += [("starting_after", after)] if after else []
            path = f"/v1/events?{urlencode(query)}"
            return (await self._api.read("changes", path)).parsed(changes_page)

        async for page in pages(read, lambda change: change.id):
            yield page

    async def listed(self, since: float) -> AsyncIterator[list[ListedPayment]]:
        """All payments created since then, page by page, the newest first. Raises TransientError."""

        async def read(after: str) -> Page[ListedPayment]:
            query = {"limit": PAGE, "expand[]": "data.latest_charge"}
            query |= {"starting_after": after} if after else {}
            path = f"/v1/payment_intents?{urlencode(query)}"
            return (await self._api.read("list", path)).parsed(listed_page)

        async for page in pages(read, lambda listed: listed.payment.id):
            young = [listed for listed in page if listed.created >= since]
            if young:
                yield [replace(one, payment=await self._with_dispute(one.payment)) for one in young]
            if len(young) < len(page):
                return

    async def cancel(self, key: str, payment: str) -> Payment:
        """Close an uncaptured payment for good; a captured one is returned as it is."""
        answer = await self._step("cancel", "cancel", key, payment)
        if answer.ok:
            return answer.parsed(payment_in)
        return await self._reached(answer, payment, {"cancelled", "captured", "processing"})

    async def refund(self, key: str, payment: str) -> Payment:
        """Return all captured money; what was returned before counts. Raises RefundFailed.

        Stripe repeats the answer of a refund that has failed under its key, so each further one has
        a key of its own.
        """
        found = await self.find(payment)
        if found.refunded + found.refunding >= found.captured:
            return found
        failed = sum(refund.has_failed for refund in await self.refunds(payment))
        form, used = (("payment_intent", payment),), f"{key}:{failed}" if failed else key
        answer = await self._post("refund", "/v1/refunds", used, form, ANSWERS)
        if answer.ok:
            refund = answer.parsed(refund_in)
            if refund.has_failed:
                raise RefundFailed(str(refund))
        elif _code(answer) != "charge_already_refunded":
            raise _refusal(answer)
        return await self.find(payment)

    async def refund_part(
        self, key: str, payment: str, reference: str, amount: Decimal, currency: str
    ) -> Refund:
        """Return a part of the captured money, once for each `reference`.

        Stripe takes no currency here, so the payment is asked for its own. Raises RefundRefused, and
        AmountRefused before any call. Source: https://docs.stripe.com/api/refunds/create
        """
        counted, found = str(to_stripe(amount, currency)), await self.find(payment)
        if found.currency != currency:
            raise RefundRefused(amount, currency, f"payment {payment} is in {found.currency}")
        for refund in await self.refunds(payment):
            if refund.reference == reference:
                return refund
        form = (
            ("payment_intent", payment),
            ("amount", counted),
            ("metadata[reference]", reference),
        )
        answer = await self._post("refund", "/v1/refunds", key, form, ANSWERS)
        if answer.ok:
            return answer.parsed(refund_in)
        if _error(answer).get("param") == "amount" or _code(answer) in NOTHING_LEFT:
            left = shown(found.captured - found.refunded - found.refunding, currency)
            raise RefundRefused(amount, currency, f"{left} is left ({_code(answer)})")
        raise _refusal(answer)

    async def refunds(self, payment: str) -> list[Refund]:
        """The refunds of a payment, the newest first."""
        query = urlencode({"payment_intent": payment, "limit": PAGE})
        return (await self._api.read("find", f"/v1/refunds?{query}")).parsed(refunds_in)

    async def _with_dispute(self, found: Payment) -> Payment:
        """The payment; if its charge was ever disputed, with how that stands now."""
        if not found.dispute:
            return found
        query = urlencode({"payment_intent": found.id, "limit": PAGE})
        answer = await self._api.read("find", f"/v1/disputes?{query}")
        return replace(found, dispute=answer.parsed(dispute_in))

    async def _step(self, operation: str, verb: str, key: str, payment: str) -> Answer:
        return await self._post(operation, f"{_path(payment)}/{verb}", key, (), ANSWERS)

    async def _post(
        self, operation: str, path: str, key: str, form: Form, answers: frozenset[int]
    ) -> Answer:
        return await self._api.call(
            Call(operation, "POST", path, form=form, key=key, answers=answers)
        )

    async def _reached(self, answer: Answer, payment: str, wanted: Collection[str]) -> Payment:
        """The payment, if it has one of the wanted statuses all the same. Raises the refusal."""
        if answer.status == 402:
            raise _refusal(answer)
        found = await self.find(payment)
        if found.status in wanted:
            return found
        if found.status == "cancelled":
            raise PaymentCancelled(found.id, found.cancelled_by)
        raise _refusal(answer)


def connect(here: Connections) -> StripePayments:
    """The Stripe account of the settings, else the sandbox's."""
    key = here.settings.stripe_key
    url = here.settings.stripe_url if key is not None else None
    return StripePayments(here.api("payments", "", url, key or NO_TOKEN, HEADERS))


def _path(payment: str) -> str:
    return f"/v1/payment_intents/{quote(payment, safe='')}"


def _error(answer: Answer) -> Body:
    error = answer.body.get("error")
    return error if isinstance(error, dict) else {}


def _code(answer: Answer) -> str:
    error = _error(answer)
    return str(error.get("decline_code") or error.get("code") or error.get("type") or "")


def _refusal(answer: Answer) -> Exception:
    if answer.status == 402:
        return Declined(_code(answer) or "declined")
    if declined := _declined_before(answer):
        return Declined(declined)
    return answer.rejected(_code(answer))


def _declined_before(answer: Answer) -> str:
    """Why the bank declined, if the payment cannot go on since then and that answer was lost."""
    intent = _error(answer).get("payment_intent") or {}
    if intent.get("status") != "requires_payment_method":
        return ""
    last = intent.get("last_payment_error") or {}
    return str(last.get("decline_code") or last.get("code") or "")
