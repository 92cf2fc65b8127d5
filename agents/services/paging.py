"""Reading a listing of a service page by page."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from agents.runtime.errors import TransientError

T = TypeVar("T")

PAGE = 100  # rows; what Stripe gives at most
ATTEMPTS = 4
PAUSE = 0.5  # seconds before the first repetition, twice as long before the next


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a listing, and whether there are more after them."""

    rows: list[T]
    more: bool


async def pages(
    read: Callable[[str], Awaitable[Page[T]]], cursor: Callable[[T], str]
) -> AsyncIterator[list[T]]:
    """All pages of a listing; `read` gets the cursor of the last row seen, at first an empty one.

    Raises TransientError when a page fails in several attempts, or the listing repeats itself.
    """
    after = ""
    while True:
        page = await _with_retries(read, after)
        if page.rows:
            yield page.rows
        if not page.more:
            return
        last = cursor(page.rows[-1]) if page.rows else after
        if last == after:
            raise TransientError("the listing repeats its last page")
        after = last


async def _with_retries(read: Callable[[str], Awaitable[Page[T]]], after: str) -> Page[T]:
    """A page, with retries."""
    for attempt in range(1, ATTEMPTS):
        try:
            return await read(after)
        except TransientError as error:
            await asyncio.sleep(max(PAUSE * 2 ** (attempt - 1), error.retry_after or 0.0))
    return await read(after)
