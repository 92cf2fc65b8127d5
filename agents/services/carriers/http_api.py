"""A carrier behind a small HTTP contract; the sandbox's two carriers speak it, and so can your own.

Every request carries `Authorization: Bearer <token>`. Keys are percent-encoded. Bodies are JSON.

PUT    /shipments/{key}   book the parcel: {"reference", "weight_grams", "name", "line1", "line2",
                          "city", "state", "postal_code", "country"}
GET    /shipments/{key}   the shipment, or 404
DELETE /shipments/{key}   cancel it and close the key, seen or not

A shipment is {"tracking_id", "status": "booked" | "cancelled"}. Each call is idempotent by key.
422 {"rule", "message"}: this carrier does not take this parcel. 409 {"error": "closed"}: cancelled
before, the key never books again.
"""

from dataclasses import asdict
from urllib.parse import quote

from agents.services.carriers.protocol import Booking, Parcel, Refused
from agents.services.http import Body, Call, HttpApi


class HttpCarrier:
    """The carrier `name` at `api`."""

    def __init__(self, name: str, api: HttpApi) -> None:
        self.name, self._api = name, api

    async def book(self, key: str, parcel: Parcel) -> Booking:
        """Book the parcel. Raises Refused, TransientError, UnknownOutcome."""
        call = Call("book", "PUT", _path(key), json=asdict(parcel), answers=frozenset({409, 422}))
        answer = await self._api.call(call)
        if answer.status == 422:
            raise Refused(
                self.name, f"{answer.body.get('rule', 'refused')}: {answer.body.get('message', '')}"
            )
        if not answer.ok:
            raise answer.rejected(str(answer.body.get("error", "")))
        return answer.parsed(self._booking)

    async def find(self, key: str) -> Booking | None:
        """The booking under this key, if there is one."""
        answer = await self._api.read("find", _path(key), 404)
        return answer.parsed(self._booking) if answer.ok else None

    async def cancel(self, key: str) -> None:
        """Cancel the booking and close the key; also for a key never seen."""
        answer = await self._api.call(Call("cancel", "DELETE", _path(key)))
        answer.parsed(self._booking)

    def _booking(self, body: Body) -> Booking:
        return Booking(self.name, str(body["tracking_id"]), str(body["status"]))


def _path(key: str) -> str:
    return f"/shipments/{quote(key, safe='')}"
