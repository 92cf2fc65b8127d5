"""The keys under which results of agents are cached, in the shared cache and in Prefect's."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import TypeAdapter

CACHE_FORMAT = 2  # raise it to invalidate every cached result
_ANY = TypeAdapter(Any)


def cache_key(agent: str, version: str, source: str, inputs: Mapping[str, Any] | None) -> str:
    """The key under which the result of an agent of this version and source is cached."""
    body = orjson.dumps(
        [CACHE_FORMAT, source, _ANY.dump_python(inputs, mode="json")], option=orjson.OPT_SORT_KEYS
    )
    return f"{agent}/{version}/{hashlib.sha256(body).hexdigest()}"
