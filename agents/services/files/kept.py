"""A stream that is read twice: what was read is kept in a nameless file."""

from typing import BinaryIO

from agents.services.files.outcomes import SourceError
from agents.services.files.streams import ByteStream


class Kept:
    """A byte stream that `file` can repeat, to the error that breaks it off."""

    def __init__(self, source: ByteStream, file: BinaryIO) -> None:
        self._source, self._file = source, file
        self._repeats = False
        self._error: SourceError | None = None

    def read(self, size: int, /) -> bytes:
        """The next bytes; first those of the first reading, then those that it has left."""
        if self._repeats and (chunk := self._file.read(size)):
            return chunk
        if self._error is not None:
            raise self._error
        try:
            chunk = self._source.read(size)
        except SourceError as error:
            self._error = error
            raise
        if not self._repeats:
            self._file.write(chunk)
        return chunk

    def again(self) -> None:
        """From now on, read from the beginning."""
        self._file.seek(0)
        self._repeats = True
