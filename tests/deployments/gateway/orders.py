"""Orders of the sample as JSON, for requests."""

import gzip
from functools import cache
from itertools import islice
from typing import Any

import orjson

from agents.orders import sample


@cache
def _lines(count: int) -> tuple[bytes, ...]:
    with gzip.open(sample.ORDERS) as file:
        return tuple(islice(file, count))


def order(number: int = 0) -> dict[str, Any]:
    """One order of the sample; equal numbers give equal orders."""
    body: dict[str, Any] = orjson.loads(_lines(number + 1)[number])
    return body
