"""What agents ask of a carrier."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from agents.runtime.errors import PermanentError


@dataclass(frozen=True, slots=True)
class Parcel:
    """The goods to carry, and their destination."""

    reference: str
    weight_grams: int
    name: str
    line1: str
    line2: str
    city: str
    state: str
    postal_code: str
    country: str


@dataclass(frozen=True, slots=True)
class Booking:
    """A shipment at a carrier; `status` is booked or cancelled.

    `arrives_on` is the day (ISO 8601) that the carrier promises, if it names one.
    """

    carrier: str
    tracking_id: str
    status: str
    arrives_on: str = ""


@dataclass(frozen=True, slots=True)
class ListedBooking:
    """A booking in a listing, under its key; `created` in seconds since 1970."""

    key: str
    booking: Booking
    created: float


class BookingRefused(PermanentError):
    """The carrier does not take this parcel; another one may."""

    def __init__(self, carrier: str, reason: str) -> None:
        super().__init__(carrier, reason)
        self.carrier, self.reason = carrier, reason

    def __str__(self) -> str:
        return f"{self.carrier} refused the parcel: {self.reason}"


class Carrier(Protocol):
    """A carrier. Every call is idempotent by key; a cancelled key can never book again."""

    name: str

    async def book(self, key: str, parcel: Parcel) -> Booking:
        """Book the parcel. Raises BookingRefused, TransientError, UnknownOutcome, Pending.

        Like `cancel`, it raises WrongOutcome for an answer with any other status.
        """
        ...

    async def find(self, key: str) -> Booking | None:
        """The booking under this key, if there is one."""
        ...

    def listed(self, since: float) -> AsyncIterator[list[ListedBooking]]:
        """All bookings made since then, page by page. Raises TransientError."""
        ...

    async def cancel(self, key: str) -> None:
        """Cancel the booking and close the key; also for a key never seen."""
        ...


class Carriers(tuple[Carrier, ...]):
    """All carriers, in the order of preference."""

    __slots__ = ()
