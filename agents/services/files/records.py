"""Reading records from a file or standard input: what every caller of this package needs."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from agents.services.files.apart import Apart
from agents.services.files.clock import Clock
from agents.services.files.columns import NoKey
from agents.services.files.csv_records import csv_table
from agents.services.files.foreign import NOTHING, Known
from agents.services.files.formats import (
    BOM,
    GZIP,
    ZIP,
    Format,
    Packing,
    claimed,
    require,
    sniffed,
)
from agents.services.files.gzip_stream import GzipStream
from agents.services.files.json_records import json_lines, json_text
from agents.services.files.kept import Kept
from agents.services.files.limits import DEFAULTS, Limits
from agents.services.files.nesting import Table, find_apart, nested
from agents.services.files.opening import opened, standard_input
from agents.services.files.outcomes import BadRecord, Record, SourceError
from agents.services.files.parquet_process import decoder
from agents.services.files.parquet_records import parquet_table
from agents.services.files.streams import ByteStream, Stream
from agents.services.files.zip_member import zip_member

__all__ = ["BadRecord", "Known", "Limits", "Record", "SourceError", "read_records"]

Outcomes = Iterator[Record | BadRecord]


def read_records(
    source: str | Path,
    limits: Limits = DEFAULTS,
    *,
    known: Known = NOTHING,
) -> Outcomes:
    """Every record of the file at `source`, good or bad, in its order; "-" is standard input.

    The format follows from the suffix and must agree with the content. Tables are read by what is
    `known` of them: CSV knows no types. In a table with list columns the adjacent rows with the same key
    (without a name of its column, the first cell) are one record; such a table is read to its end before
    the first record is given.

    Raises NoKey, SourceError, possibly after some records, if the file cannot be read (to its end), and
    TransientError if this machine cannot start the Parquet decoder now.
    """
    clock = Clock(limits.seconds)
    try:
        with ExitStack() as stack:
            outcomes = _Reading(stack, limits, clock, known).outcomes(source)
            yield from clock.timed(_at_most(limits.records, outcomes))
    except NoKey as error:
        raise NoKey(error.key, error.header, str(source)) from error
    except SourceError as error:
        raise SourceError(error.rule, error.reason, str(source)) from error


def _at_most(records: int, outcomes: Outcomes) -> Outcomes:
    for count, outcome in enumerate(outcomes):
        if count == records:
            raise SourceError("too-many-records", f"more than {records} records")
        yield outcome


class _Reading:
    """One file being read; what it opens is closed with `stack`."""

    def __init__(self, stack: ExitStack, limits: Limits, clock: Clock, known: Known) -> None:
        self._stack, self._limits, self._clock, self._known = stack, limits, clock, known

    def outcomes(self, source: str | Path) -> Outcomes:
        if str(source) == "-":
            return self._unnamed(self._stream(standard_input()))
        form, packing = claimed(str(source))
        file = self._stack.enter_context(opened(source))
        if packing is Packing.ZIP:
            return self._zipped(file, form)
        if packing is Packing.GZIP:
            return self._decoded(self._unzipped(self._stream(file)), form)
        return self._decoded(self._stream(file), form, file)

    def _stream(self, source: ByteStream) -> Stream:
        return Stream(source, self._limits.file_bytes, self._clock)

    def _unnamed(self, stream: Stream) -> Outcomes:
        if stream.peek().startswith(GZIP):
            stream = self._unzipped(stream)
        head = stream.peek()
        if head.startswith(ZIP):
            raise SourceError("wrong-format", "a zip archive cannot come on standard input")
        return self._decoded(stream, sniffed(head)) if head else iter(())

    def _unzipped(self, packed: Stream) -> Stream:
        if not packed.peek().startswith(GZIP):
            raise SourceError("wrong-format", "the content is not gzip: is the suffix right?")
        return self._stream(GzipStream(packed, self._limits))

    def _zipped(self, file: BinaryIO, expected: Format | None) -> Outcomes:
        name, member = self._stack.enter_context(zip_member(file, self._limits))
        form, packing = claimed(name)
        if packing or form is None:
            raise SourceError("nested", f"the zip holds another archive: {name[:100]!r}")
        if expected not in (None, form):
            raise SourceError("wrong-format", f"the zip is named {expected} but holds {form}")
        return self._decoded(self._stream(member), form)

    def _decoded(
        self, stream: Stream, form: Format | None, file: BinaryIO | None = None
    ) -> Outcomes:
        head = stream.peek()
        match form:
            case Format.PARQUET:
                require(Format.PARQUET, head)
                return self._parquet(file or self._spooled(stream))
            case Format.CSV | Format.JSON | Format.JSON_LINES:
                return self._text(stream, head, form)
        raise SourceError("unknown-format", "the format is not named")

    def _text(self, stream: Stream, head: bytes, form: Format) -> Outcomes:
        require(form, head)
        if head.startswith(BOM):
            stream.skip(len(BOM))
        if form is Format.CSV:
            return self._table(stream, lambda text: csv_table(text, self._limits, self._known))
        return (json_text if form is Format.JSON else json_lines)(stream, self._limits)

    def _parquet(self, file: BinaryIO) -> Outcomes:
        output = self._stack.enter_context(
            decoder(file, self._limits, self._clock, self._known.key)
        )
        return self._table(
            self._stream(output), lambda lines: parquet_table(lines, self._limits, self._known.key)
        )

    def _table(self, stream: Stream, read: Callable[[Stream], Table | Outcomes]) -> Outcomes:
        """The records of a table; one whose rows do not stand together is found in a first reading."""
        kept, apart = Kept(stream, self._nameless()), Apart()
        with suppress(SourceError):  # it comes again, after the records before it
            found = read(self._stream(kept))
            if isinstance(found, Table):
                find_apart(found, self._limits, apart)
        kept.again()
        found = read(self._stream(kept))
        return nested(found, self._limits, apart) if isinstance(found, Table) else found

    def _nameless(self) -> BinaryIO:
        return self._stack.enter_context(tempfile.TemporaryFile())

    def _spooled(self, stream: Stream) -> BinaryIO:
        """A nameless file on disk: Parquet is read from its end."""
        file = self._nameless()
        while chunk := stream.read():
            file.write(chunk)
        file.flush()
        return file
