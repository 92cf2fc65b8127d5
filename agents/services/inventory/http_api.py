"""A warehouse behind a small HTTP contract; the sandbox speaks it, and so can your own.

Every request carries `Authorization: Bearer <token>`. Keys are percent-encoded. Bodies are JSON.

PUT  /reservations/{key}           hold all lines or none: {"lines": [{"sku": "A", "quantity": 2}]}
GET  /reservations/{key}           the reservation, or 404
POST /reservations/{key}/issue     the held pieces leave
POST /reservations/{key}/release   give them back and close the key, seen or not
PUT  /returns/{key}                pieces that came back are for sale again: {"lines": [...]}
GET  /returns/{key}                what came back under this key, or 404
GET  /reservations?since=&after=&limit=
                                   by key: those made since then, seconds since 1970, whose keys
                                   come after that one: {"reservations": [...], "has_more": false}
GET  /stock/{sku}                  the SKU's numbers, or 404

A reservation is {"key", "status": "held" | "issued" | "released", "weight_grams", "created"}. Each
call is idempotent by key. A call that takes longer may answer the status "pending": it is looked up.
A return is {"key", "lines": [{"sku", "quantity"}]}.
422 {"error": "out_of_stock", "sku", "wanted", "available"}, {"error": "unknown_sku", "sku"}: nothing
is held. 422 {"error": "never_left", "sku"}: fewer pieces than that have left. 409
{"error": "closed"}: released before, the key never holds again; {"error": "issued"}: it cannot be
released any more; {"error": "other_lines"}: the key stands for other lines.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from urllib.parse import quote, urlencode

from agents.runtime.errors import WrongOutcome
from agents.services.connections import Connections
from agents.services.http import Answer, Body, Call, HttpApi
from agents.services.inventory.protocol import (
    ListedReservation,
    OutOfStock,
    Reservation,
    StockLine,
    TakenBack,
    UnknownSku,
)
from agents.services.paging import PAGE, Page, pages
from agents.services.statuses import require_status

PERMANENT = frozenset({409, 422})


class HttpInventory:
    """The warehouse at `api`."""

    def __init__(self, api: HttpApi) -> None:
        self._api = api

    async def reserve(self, key: str, lines: Sequence[StockLine]) -> Reservation:
        """Hold all lines or none. Raises OutOfStock, UnknownSku, TransientError, UnknownOutcome."""
        held = await self._change("reserve", "PUT", _path(key), _lines(lines))
        # A repetition finds the pieces where they are by then.
        require_status(f"reservation {key}", held.status, {"held", "issued"})
        return held

    async def find(self, key: str) -> Reservation | None:
        """The reservation under this key, if there is one."""
        answer = await self._api.read("find", _path(key), 404)
        return answer.parsed(_reservation) if answer.ok else None

    def listed(self, since: float) -> AsyncIterator[list[ListedReservation]]:
        """All reservations made since then, page by page. Raises TransientError."""

        async def read(after: str) -> Page[ListedReservation]:
            query = urlencode({"since": since, "after": after, "limit": PAGE})
            return (await self._api.read("list", f"/reservations?{query}")).parsed(_page)

        return pages(read, lambda listed: listed.reservation.key)

    async def issue(self, key: str) -> Reservation:
        """The held pieces leave the warehouse."""
        issued = await self._change("issue", "POST", f"{_path(key)}/issue", None)
        require_status(f"reservation {key}", issued.status, {"issued"})
        return issued

    async def release(self, key: str) -> Reservation:
        """Give held pieces back and close the key; also for a key never seen."""
        released = await self._change("release", "POST", f"{_path(key)}/release", None)
        require_status(f"reservation {key}", released.status, {"released"})
        return released

    async def take_back(self, key: str, lines: Sequence[StockLine]) -> TakenBack:
        """Put pieces that a customer has sent back on sale again. Raises UnknownSku, WrongOutcome."""
        body, path = _lines(lines), f"/returns/{quote(key, safe='')}"
        answer = await self._api.call(Call("take_back", "PUT", path, json=body, answers=PERMANENT))
        if not answer.ok:
            raise _refusal(answer)
        back = answer.parsed(_taken_back)
        if Counter(back.pieces) != Counter({line.sku: line.quantity for line in lines}):
            raise WrongOutcome(f"return {key} has other pieces: {dict(back.pieces)}")
        return back

    async def find_taken_back(self, key: str) -> TakenBack | None:
        """What was put on sale again under this key, if anything was."""
        answer = await self._api.read("find_back", f"/returns/{quote(key, safe='')}", 404)
        return answer.parsed(_taken_back) if answer.ok else None

    async def _change(
        self, operation: str, method: str, path: str, body: Body | None
    ) -> Reservation:
        answer = await self._api.call(Call(operation, method, path, json=body, answers=PERMANENT))
        if not answer.ok:
            raise _refusal(answer)
        return answer.parsed(_reservation)


def connect(here: Connections) -> HttpInventory:
    """The warehouse that the settings name, else the sandbox's."""
    url, token = here.settings.inventory_url, here.settings.inventory_token
    return HttpInventory(here.api("inventory", "/inventory", url, token))


def _path(key: str) -> str:
    return f"/reservations/{quote(key, safe='')}"


def _reservation(body: Body) -> Reservation:
    return Reservation(str(body["key"]), str(body["status"]), int(body["weight_grams"]))


def _lines(lines: Sequence[StockLine]) -> Body:
    return {"lines": [{"sku": line.sku, "quantity": line.quantity} for line in lines]}


def _taken_back(body: Body) -> TakenBack:
    return TakenBack(
        str(body["key"]), {str(line["sku"]): int(line["quantity"]) for line in body["lines"]}
    )


def _page(body: Body) -> Page[ListedReservation]:
    rows = [ListedReservation(_reservation(r), float(r["created"])) for r in body["reservations"]]
    return Page(rows, bool(body["has_more"]))


def _refusal(answer: Answer) -> Exception:
    error = str(answer.body.get("error", ""))
    if error == "out_of_stock":
        return answer.parsed(
            lambda b: OutOfStock(str(b["sku"]), int(b["wanted"]), int(b["available"]))
        )
    if error == "unknown_sku":
        return answer.parsed(lambda b: UnknownSku(str(b["sku"])))
    return answer.rejected(error)
