"""Orders from a file or standard input: every record becomes a checked candidate or a rejection."""

from collections.abc import Iterator
from pathlib import Path

import orjson

from agents.orders.validate import INTEGER_FIELDS, InvalidOrder, canonical, validate_order
from agents.runtime.intake.intake import Rejection, Submission
from agents.services.files.records import BadRecord, Record, SourceError, read_records

SHOWN_PROBLEMS = 5
COUNTED_BYTES = 64 * 2**20


def read_orders(source: str) -> Iterator[Submission | Rejection]:
    """The orders of the source, one after the other.

    Raises SourceError if nothing of it can be read; a source that breaks off later ends with a
    rejection that says where.
    """
    line = 0
    try:
        for record in read_records(source, integers=INTEGER_FIELDS):
            line = record.line
            yield _rejected(record) if isinstance(record, BadRecord) else _checked(record)
    except SourceError as error:
        if line == 0:
            raise
        yield Rejection(line, error.rule, f"after line {line}: {error}")


def count_orders(source: str) -> int | None:
    """How many records the source holds; None for standard input and for large files."""
    path = Path(source)
    if source == "-" or not path.is_file() or path.stat().st_size > COUNTED_BYTES:
        return None
    try:
        return sum(1 for _ in read_records(source, integers=INTEGER_FIELDS))
    except SourceError:
        return None


def _checked(record: Record) -> Submission | Rejection:
    try:
        order = validate_order.function(record.body)
    except InvalidOrder as error:
        return Rejection(
            record.line,
            error.problems[0].rule,
            f"line {record.line}: {_told(error)}",
            orjson.dumps(record.body, default=str, option=orjson.OPT_NON_STR_KEYS),
        )
    return Submission(order.order_id, canonical(order), order, record.line)


def _told(error: InvalidOrder) -> str:
    shown, hidden = error.problems[:SHOWN_PROBLEMS], error.problems[SHOWN_PROBLEMS:]
    told = "; ".join(
        f"{p.field or 'order'}: {p.message} (rule {p.rule}"
        + (f", limit {p.limit})" if p.limit is not None else ")")
        for p in shown
    )
    return told + (f"; and {len(hidden)} more" if hidden else "")


def _rejected(record: BadRecord) -> Rejection:
    return Rejection(record.line, record.rule, record.message, record.raw)
