"""A time limit that counts only reading, not what the caller does with a record."""

from collections.abc import Iterator
from time import monotonic
from typing import TypeVar

from agents.services.files.outcomes import SourceError

T = TypeVar("T")


class Clock:
    """Counts reading time against `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._spent, self._since = seconds, 0.0, monotonic()

    def left(self) -> float:
        """Seconds of reading time that remain, negative when late."""
        return self._seconds - self._spent - (monotonic() - self._since)

    def check(self) -> None:
        """Raise SourceError when the time has run out."""
        if self.left() <= 0:
            raise SourceError("deadline", f"reading took longer than {self._seconds:g} seconds")

    def timed(self, items: Iterator[T]) -> Iterator[T]:
        """The same items; the clock stops while the caller works on one."""
        for item in items:
            self.check()
            self._spent += monotonic() - self._since
            yield item
            self._since = monotonic()
