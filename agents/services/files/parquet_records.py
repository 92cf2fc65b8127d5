"""Records written as Parquet, from the lines of the process that decodes it."""

import json
from collections.abc import Iterator
from dataclasses import replace

from agents.services.files.columns import Column, columns, key_column
from agents.services.files.json_records import JsonJudge
from agents.services.files.limits import Limits
from agents.services.files.lines import Line, physical_lines
from agents.services.files.nesting import Body, Row, Table
from agents.services.files.outcomes import BadRecord, Fault, Record, SourceError
from agents.services.files.streams import Stream


def parquet_table(output: Stream, limits: Limits, key: str) -> Table | Iterator[Record | BadRecord]:
    """The flat table in a decoder's output, or the records if its columns are those of a record.

    Raises SourceError if the decoder gave up or crashed.
    """
    lines = physical_lines(output, limits.record_bytes + limits.field_bytes)
    head = _next(lines)
    if head.data[:1] != b"C":
        raise _given_up(head)
    table = columns(json.loads(head.data[1:]), limits)
    rows = _rows(lines, limits)
    if all(column.path == (column.name,) and column.item is None for column in table):
        return (_whole(row, body, limits) for row, body in rows)
    flat = (_flat(table, row, body) for row, body in rows)
    return Table(table, key_column(table, key), flat)


def _next(lines: Iterator[Line]) -> Line:
    line = next(lines, None)
    if line is None or not line.ended:
        raise SourceError("corrupt", "the Parquet decoder crashed on the file")
    return line


def _rows(lines: Iterator[Line], limits: Limits) -> Iterator[tuple[Row, Body | Fault]]:
    """Each row without cells, and what it holds."""
    judge, number = JsonJudge(limits), 0
    while (line := _next(lines)).data[:1] in (b"R", b"B"):
        number += 1
        key, _, written = line.data[1:].removesuffix(b"\n").partition(b"\t")
        if line.data[:1] == b"B":
            body: Body | Fault = Fault(*json.loads(written))
        else:
            cut = line.cut or len(written) > limits.record_bytes
            body = judge.body(Line(number, written, cut))
        yield Row(number, key or None, (), written), body
    if line.data != b"E%d\n" % number:
        raise _given_up(line)


def _whole(row: Row, body: Body | Fault, limits: Limits) -> Record | BadRecord:
    if isinstance(body, Fault):
        return body.at(row.line, row.raw, limits)
    return Record(row.line, body)


def _flat(table: list[Column], row: Row, body: Body | Fault) -> Row:
    """The row as one of a flat table, where empty text is absent as in CSV."""
    if isinstance(body, Fault):
        return replace(row, fault=body)
    cells = [body.get(column.name) for column in table]
    return replace(row, cells=[None if cell == "" else cell for cell in cells])


def _given_up(line: Line) -> SourceError:
    if line.data[:1] != b"X":
        return SourceError("corrupt", "the Parquet decoder crashed on the file")
    rule, text = json.loads(line.data[1:])
    return SourceError(rule, text)
