"""What agents ask of a warehouse."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from agents.runtime.errors import PermanentError


@dataclass(frozen=True, slots=True)
class StockLine:
    """A number of pieces of one SKU."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """Pieces held for a key; `status` is held, issued or released."""

    key: str
    status: str
    weight_grams: int


@dataclass(frozen=True, slots=True)
class ListedReservation:
    """A reservation in a listing; `created` in seconds since 1970."""

    reservation: Reservation
    created: float


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Pieces that came back and are for sale again, by SKU."""

    key: str
    pieces: Mapping[str, int]


class OutOfStock(PermanentError):
    """The warehouse cannot cover a line; nothing of the order is held."""

    def __init__(self, sku: str, wanted: int, available: int) -> None:
        super().__init__(sku, wanted, available)
        self.sku, self.wanted, self.available = sku, wanted, available

    def __str__(self) -> str:
        return f"out of stock: {self.wanted} of {self.sku} wanted, {self.available} available"


class UnknownSku(PermanentError):
    """The warehouse does not carry the SKU."""

    def __init__(self, sku: str) -> None:
        super().__init__(sku)
        self.sku = sku

    def __str__(self) -> str:
        return f"unknown SKU: {self.sku}"


class Inventory(Protocol):
    """A warehouse. Every call is idempotent by key; a released key can never hold again."""

    async def reserve(self, key: str, lines: Sequence[StockLine]) -> Reservation:
        """Hold all lines or none. Raises OutOfStock, UnknownSku, TransientError, UnknownOutcome.

        Like the calls below, it also raises Pending and, for any other status, WrongOutcome.
        """
        ...

    async def find(self, key: str) -> Reservation | None:
        """The reservation under this key, if there is one."""
        ...

    def listed(self, since: float) -> AsyncIterator[list[ListedReservation]]:
        """All reservations made since then, page by page. Raises TransientError."""
        ...

    async def issue(self, key: str) -> Reservation:
        """The held pieces leave the warehouse."""
        ...

    async def release(self, key: str) -> Reservation:
        """Give held pieces back and close the key; also for a key never seen."""
        ...

    async def take_back(self, key: str, lines: Sequence[StockLine]) -> TakenBack:
        """Put pieces that a customer has sent back on sale again. Raises UnknownSku."""
        ...

    async def find_taken_back(self, key: str) -> TakenBack | None:
        """What was put on sale again under this key, if anything was."""
        ...
