"""The names of partitions: each follows from where its data is, so that it stays the same over runs."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, unquote, urlsplit

from agents.analysis.collecting.forms import SUFFIXES, is_url

WILDCARDS = set("*?[")
LONGEST = 63
FOLDER = re.compile(r"([A-Za-z_][\w-]*)=(.*)")
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class Place:
    """A location, and the location with wildcards or {since} that it was found by."""

    location: str
    template: str
    name: str = ""


def name_of(location: str, template: str = "") -> str:
    """The name by the file: without suffixes, behind the folders that the wildcards of `template` found."""
    parts = _parts(location)
    fixed = _parts(template)[:-1] if template else parts[:-1]
    wild = next((n for n, part in enumerate(fixed) if WILDCARDS.intersection(part)), len(parts) - 1)
    return _slug([*parts[min(wild, len(parts) - 1) : -1], SUFFIXES.sub("", parts[-1])])


def named(places: Sequence[Place]) -> dict[str, Place]:
    """The places by different names; folder, host or query distinguish those with the same file name."""
    groups: defaultdict[str, list[Place]] = defaultdict(list)
    for place in dict.fromkeys(places):
        groups[place.name or name_of(place.location, place.template)].append(place)
    found: dict[str, Place] = {}
    for base, some in groups.items():
        names = [base] if len(some) == 1 else _distinguished(base, [one.location for one in some])
        for name, place in zip(names, some, strict=True):
            # The name of another group may be the same by chance.
            found[name if name not in found else _hashed(name, place.location)] = place
    return found


def folders_of(location: str) -> dict[str, str]:
    """The columns that folders such as year=2024 name, with their values."""
    pairs = [match.groups() for part in _parts(location)[:-1] if (match := FOLDER.fullmatch(part))]
    return {name: unquote(value) for name, value in pairs if value != NO_VALUE}


def _distinguished(base: str, locations: Sequence[str]) -> list[str]:
    parents = [_parts(location)[:-1] for location in locations]
    for depth in range(1, max(map(len, parents)) + 1):
        names = [_slug([*folders[-depth:], base]) for folders in parents]
        if len(set(names)) == len(names):
            return names
    queries = [parse_qsl(urlsplit(location).query) for location in locations]
    common = set(queries[0]).intersection(*queries)
    names = [
        _slug([base, *(part for pair in query if pair not in common for part in pair)])
        for query in queries
    ]
    if len(set(names)) == len(names):
        return names
    return [_hashed(base, location) for location in locations]


def _hashed(base: str, location: str) -> str:
    digest = hashlib.sha256(location.encode()).hexdigest()[:8]
    return f"{base[: LONGEST - 9]}-{digest}"


def _parts(location: str) -> list[str]:
    """The host, the folders and the file of a location."""
    if is_url(location):
        url = urlsplit(location)
        return [url.netloc, *(PurePosixPath(unquote(url.path)).parts[1:] or ("",))]
    return list(PurePosixPath(location).parts) or [""]


def _slug(parts: Sequence[str]) -> str:
    text = "-".join(parts).lower()
    return re.sub(r"[^a-z0-9_.-]+", "-", text).strip("-._")[:LONGEST].strip("-._") or "all"
