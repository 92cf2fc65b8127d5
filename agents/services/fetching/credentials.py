"""Secrets that hosts expect in a header: each goes to its one host, for the studies that may use it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from agents.services.fetching.addresses import Place


@dataclass(frozen=True, slots=True)
class Credential:
    """A header for the `host` ("name:port"), sent on behalf of studies that match one of `studies`.

    Others may name any URL: without `studies` they would read with the operator's rights.
    """

    host: str
    header: str
    value: str = field(repr=False)
    studies: tuple[str, ...]


def headers_for(
    credentials: Iterable[Credential], place: Place, asker: str, allowed: frozenset[str]
) -> dict[str, str]:
    """The headers with secrets for this place; none without TLS, unless its host is `allowed`."""
    host = f"{place.host}:{place.port}"
    if place.scheme != "https" and host not in allowed:
        return {}
    return {
        one.header: one.value
        for one in credentials
        if one.host == host and any(fnmatchcase(asker, study) for study in one.studies)
    }
