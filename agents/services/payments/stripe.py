"""Card payments through Stripe's PaymentIntents: authorised by confirm, taken by capture."""

from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from urllib.parse import quote, urlencode

from agents.services.connections import NO_TOKEN, Connections
from agents.services.http import Answer, Body, Call, HttpApi
from agents.services.paging import PAGE, Page, pages
from agents.services.payments.protocol import Declined, ListedPayment, Payment

# Fixes the form of the answers; otherwise the default of the account decides.
HEADERS = {"Stripe-Version": "2024-06-20"}

STATUSES = {
    "requires_payment_method": "open",
    "requires_confirmation": "open",
    "requires_action": "open",
    "requires_capture": "authorised",
    "succeeded": "captured",
    "canceled": "cancelled",
}
ANSWERS = frozenset({400, 402})
RETURNED = frozenset({"succeeded", "pending", "requires_action"})

Form = tuple[tuple[str, str], ...]


class StripePayments:
    """Stripe, or whatever speaks its protocol, at `api`."""

    def __init__(self, api: HttpApi) -> None:
        self._api = api

    async def open(
        self, key: str, reference: str, amount: int, currency: str, method: str
    ) -> Payment:
        """Create a payment that moves no money yet. Raises Declined for an unknown method."""
        form = (
            ("amount", str(amount)),
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
            return answer.parsed(_payment)
        if answer.status == 404 or _error(answer).get("param") == "payment_method":
            raise Declined(_code(answer) or "unknown_payment_method")
        raise _refusal(answer)

    async def authorise(self, key: str, payment: str) -> Payment:
        """Reserve the money on the customer's account. Raises Declined."""
        answer = await self._step("authorise", "confirm", key, payment)
        if not answer.ok:
            return await self._reached(answer, payment, {"authorised", "captured"})
        if answer.body.get("status") == "requires_action":
            raise Declined("authentication_required")
        return answer.parsed(_payment)

    async def capture(self, key: str, payment: str) -> Payment:
        """Take the authorised money. Raises Declined."""
        answer = await self._step("capture", "capture", key, payment)
        return (
            answer.parsed(_payment)
            if answer.ok
            else await self._reached(answer, payment, {"captured"})
        )

    async def find(self, payment: str) -> Payment:
        """The payment as the provider knows it now."""
        found = (await self._api.read("find", _path(payment))).parsed(_payment)
        if found.status != "captured":
            return found
        query = urlencode({"payment_intent": payment, "limit": 100})
        returned = (await self._api.read("find", f"/v1/refunds?{query}")).parsed(_returned)
        return replace(found, refunded=returned)

    async def listed(self, since: float) -> AsyncIterator[list[ListedPayment]]:
        """All payments created since then, page by page, the newest first. Raises TransientError."""

        async def read(after: str) -> Page[ListedPayment]:
            query = {"limit": PAGE, "expand[]": "data.latest_charge"}
            query |= {"starting_after": after} if after else {}
            path = f"/v1/payment_intents?{urlencode(query)}"
            return (await self._api.read("list", path)).parsed(_page)

        async for page in pages(read, lambda listed: listed.payment.id):
            young = [listed for listed in page if listed.created >= since]
            if young:
                yield young
            if len(young) < len(page):
                return

    async def cancel(self, key: str, payment: str) -> Payment:
        """Close an uncaptured payment for good; a captured one is returned as it is."""
        answer = await self._step("cancel", "cancel", key, payment)
        if answer.ok:
            return answer.parsed(_payment)
        return await self._reached(answer, payment, {"cancelled", "captured"})

    async def refund(self, key: str, payment: str) -> Payment:
        """Return all captured money; what was returned before counts."""
        found = await self.find(payment)
        if found.refunded >= found.captured:
            return found
        answer = await self._post(
            "refund", "/v1/refunds", key, (("payment_intent", payment),), ANSWERS
        )
        if not answer.ok and _code(answer) != "charge_already_refunded":
            raise _refusal(answer)
        return await self.find(payment)

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
        if found.status not in wanted:
            raise _refusal(answer)
        return found


def connect(here: Connections) -> StripePayments:
    """The Stripe account of the settings, else the sandbox's."""
    key = here.settings.stripe_key
    url = here.settings.stripe_url if key is not None else None
    return StripePayments(here.api("payments", "", url, key or NO_TOKEN, HEADERS))


def _path(payment: str) -> str:
    return f"/v1/payment_intents/{quote(payment, safe='')}"


def _payment(body: Body) -> Payment:
    status = str(body["status"])
    if status == "processing":
        raise ValueError("neither taken nor refused yet")
    amount = int(body["amount"])
    taken = int(body.get("amount_received", amount)) if status == "succeeded" else 0
    return Payment(
        str(body["id"]), STATUSES[status], amount, str(body["currency"]).upper(), taken, 0
    )


def _page(body: Body) -> Page[ListedPayment]:
    return Page([_listed(one) for one in body["data"]], bool(body["has_more"]))


def _listed(body: Body) -> ListedPayment:
    """A payment of a listing; one that the bank has not decided can still take money, so it counts as open."""
    waits = body["status"] == "processing"
    payment = _payment(body | {"status": "requires_confirmation"} if waits else body)
    charge = body.get("latest_charge")
    refunded = int(charge["amount_refunded"]) if payment.captured and charge else 0
    reference = str((body.get("metadata") or {}).get("reference", ""))
    return ListedPayment(replace(payment, refunded=refunded), reference, float(body["created"]))


def _returned(body: Body) -> int:
    return sum(int(one["amount"]) for one in body["data"] if one["status"] in RETURNED)


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
