"""An answer to a change counts only with the status that makes the change done, at every system."""

import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from agents.runtime.errors import Pending, UnknownOutcome, WrongOutcome
from agents.services.carriers.http_api import HttpCarrier
from agents.services.carriers.protocol import Parcel
from agents.services.http import HttpApi
from agents.services.inventory.http_api import HttpInventory
from agents.services.inventory.protocol import StockLine
from agents.services.keyed import HttpKeyed
from agents.services.notifications.http_api import HttpNotifications
from agents.services.notifications.protocol import Message

LETTER = Message("email", "ann@example.com", "Your order", "Sent.")
PARCEL = Parcel("o1", 500, "Ann", "1 Elm St", "", "Reno", "NV", "89501", "US")
CHANGES: dict[str, tuple[Callable[[HttpApi], Awaitable[object]], str]] = {
    "inventory.reserve": (lambda a: HttpInventory(a).reserve("k", [StockLine("A", 1)]), "released"),
    "inventory.issue": (lambda a: HttpInventory(a).issue("k"), "held"),
    "inventory.release": (lambda a: HttpInventory(a).release("k"), "held"),
    "carriers.book": (lambda a: HttpCarrier("swift", a).book("k", PARCEL), "cancelled"),
    "carriers.cancel": (lambda a: HttpCarrier("swift", a).cancel("k"), "booked"),
    "notifications.send": (lambda a: HttpNotifications(a).send("k", LETTER), "refused"),
    "keyed.make": (lambda a: HttpKeyed(a).make("k", {"total": 1}), "closed"),
    "keyed.close": (lambda a: HttpKeyed(a).close("k"), "open"),
}


@pytest.fixture
def answer() -> Iterator[tuple[str, dict[str, object]]]:
    """A server on loopback and what it answers to everything."""
    body: dict[str, object] = {"key": "k", "weight_grams": 1, "tracking_id": "T1", "id": "1"}
    body |= {"body": {"total": 1}, "to": LETTER.to}

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            content = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_PUT = do_POST = do_DELETE = do  # noqa: N815 - names of the base class

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", body
        server.shutdown()


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("status", ["pending", "processing", "other", "strange", None])
async def test_only_the_wanted_status_counts(
    answer: tuple[str, dict[str, object]], change: str, status: str | None
) -> None:
    (url, body), (act, other) = answer, CHANGES[change]
    if status is not None:
        body["status"] = other if status == "other" else status
    expected = {"pending": Pending, "processing": Pending, None: UnknownOutcome}
    async with HttpApi(change, url) as api:
        with pytest.raises(expected.get(status, WrongOutcome)):
            await act(api)


async def test_a_message_that_was_accepted_for_another_receiver_is_not_ours(
    answer: tuple[str, dict[str, object]],
) -> None:
    url, body = answer
    body |= {"status": "accepted", "to": "eve@example.com"}
    async with HttpApi("notifications", url) as api:
        with pytest.raises(WrongOutcome, match="another receiver"):
            await HttpNotifications(api).send("k", LETTER)


async def test_a_thing_that_stands_for_another_body_is_not_ours(
    answer: tuple[str, dict[str, object]],
) -> None:
    url, body = answer
    body |= {"status": "open", "body": {"total": 2}}
    async with HttpApi("books", url) as api:
        with pytest.raises(WrongOutcome, match="another body"):
            await HttpKeyed(api).make("k", {"total": 1})
