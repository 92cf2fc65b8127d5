"""How pages write times, durations, amounts and JSON; each is a filter of the templates."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from markupsafe import Markup
from starlette.datastructures import URL

from agents.runtime.redaction import redacted
from agents.runtime.scheduling.reservations import amount

MISSING = Markup('<span class="quiet">none</span>')


def moment(at: float | datetime | None) -> Markup:
    """A time as UTC, which the script writes in the viewer's zone; a number is seconds since 1970."""
    if at is None:
        return MISSING
    found = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    machine = found.isoformat(timespec="milliseconds")
    text = found.strftime("%-d %b %Y %H:%M:%S UTC")
    return Markup('<time datetime="{}">{}</time>').format(machine, text)


def duration(seconds: float | None) -> str:
    """A duration in its two largest units, such as 3 min 12 s."""
    if seconds is None:
        return ""
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 1:
        return f"{seconds * 1_000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days:,} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def words(name: str | None) -> str:
    """A stored name as a person reads it: dead_lettered becomes dead lettered."""
    return (name or "").replace("_", " ").replace("-", " ")


def place(path: str) -> str:
    """A path as a person reads it: lines.0 becomes lines 1."""
    return " ".join(
        str(int(part) + 1) if part.isdigit() else words(part) for part in path.split(".")
    )


def count(number: float) -> str:
    """A number with its thousands apart."""
    return f"{number:,}"


def indented(value: Any) -> str:
    """JSON, given as text or as values, with indents; other text stays as it is."""
    try:
        value = orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        return str(value)
    written: bytes = orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str)
    return written.decode()


def compact(value: Any) -> str:
    """A value as JSON in one line."""
    written: bytes = orjson.dumps(value, default=str)
    return written.decode()


def local(url: URL) -> str:
    """The address without its host."""
    return f"{url.path}?{url.query}" if url.query else url.path


FILTERS: Mapping[str, Callable[..., Any]] = {
    "moment": moment,
    "duration": duration,
    "words": words,
    "place": place,
    "count": count,
    "amount": amount,
    "indented": indented,
    "parsed": orjson.loads,
    "redacted": redacted,
    "compact": compact,
    "local": local,
}
