"""Text in another encoding, or without a header, becomes UTF-8 with one, for the readers of files."""

import codecs
import csv
import io
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agents.services.files.csv_records import delimiter_of
from agents.services.files.formats import BOM, Format
from agents.services.files.outcomes import SourceError
from agents.services.files.unpacking import unpacked

SUFFIXES = {Format.CSV: ".csv", Format.JSON: ".json", Format.JSON_LINES: ".jsonl"}


@contextmanager
def in_utf8(
    path: Path, name: str, encoding: str, header: Sequence[str]
) -> Iterator[tuple[Path, str]]:
    """The file and its name as readers take them: unpacked, in UTF-8 and with the header.

    Parquet has both already. Raises SourceError.
    """
    with (
        unpacked(path, name, is_known=True) as (form, stream),
        tempfile.NamedTemporaryFile() as plain,
    ):
        if form is Format.PARQUET:
            yield path, name
            return
        if form is not Format.CSV:
            header = ()
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            text = decoder.decode(stream.read())
            if header:
                plain.write(_line(header, text))
            while text or (chunk := stream.read()):
                plain.write((text or decoder.decode(chunk)).encode())
                text = ""
            plain.write(decoder.decode(b"", final=True).encode())
        except UnicodeError as error:
            raise SourceError("encoding", f"is not {encoding}: {error}", name) from None
        plain.flush()
        yield Path(plain.name), f"{Path(name).name.partition('.')[0]}{SUFFIXES[form]}"


def _line(header: Sequence[str], text: str) -> bytes:
    """The header with the delimiter of the first line."""
    sink = io.StringIO()
    first = text.partition("\n")[0].encode().removeprefix(BOM)
    csv.writer(sink, delimiter=delimiter_of(first), lineterminator="\n").writerow(header)
    return sink.getvalue().encode()
