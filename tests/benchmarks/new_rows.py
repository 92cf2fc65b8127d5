"""What every acceptance computes before it writes: body, hash and trace of each order."""

import hashlib
import secrets
from collections.abc import Sequence

import orjson

from tests.benchmarks.trivial_steps import document


def new_rows(numbers: Sequence[int]) -> list[tuple[str, str, str, str]]:
    """Key, trace, hash and body of each order."""
    bodies = [orjson.dumps(document(number)).decode() for number in numbers]
    return [
        (str(number), secrets.token_hex(16), hashlib.sha256(body.encode()).hexdigest(), body)
        for number, body in zip(numbers, bodies, strict=True)
    ]
