"""The one file in a zip archive, or those that match a pattern: bounded, and with nothing else allowed."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import PurePosixPath, PureWindowsPath
from typing import IO, BinaryIO

from agents.services.files.gzip_stream import require_ratio
from agents.services.files.limits import Limits
from agents.services.files.outcomes import SourceError
from agents.services.files.streams import ByteStream

_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, RuntimeError,
    EOFError, ValueError, OverflowError, LookupError, OSError,
)  # fmt: skip
_END, _END_SIZE, _ZIP64 = b"PK\x05\x06", 22, b"PK\x06\x07"
_DIRECTORY_BYTES = 1 << 20
MOST_MEMBERS = 1_000
_ENCRYPTED = 0x1 | 0x40


@contextmanager
def zip_member(file: BinaryIO, limits: Limits) -> Iterator[tuple[str, ByteStream]]:
    """Name and bytes of the only member; SourceError for any archive that is not that simple."""
    size = _require_small_directory(file, most=1)
    try:
        archive = zipfile.ZipFile(file)
        info = _only(archive)
        _require_harmless(info)
        member = archive.open(info)
    except _DAMAGE as error:
        raise _damaged(error) from error
    with archive, member:
        yield info.filename, _Member(member, min(info.compress_size, size), limits)


def zip_members(file: BinaryIO, pattern: str, limits: Limits) -> Iterator[tuple[str, ByteStream]]:
    """Name and bytes of each member that matches the glob, ordered by name; the others are passed over.

    SourceError if none matches, and for an archive or a member that is not harmless.
    """
    size = _require_small_directory(file, most=MOST_MEMBERS)
    try:
        with zipfile.ZipFile(file) as archive:
            found = [
                info
                for info in sorted(archive.infolist(), key=lambda info: info.filename)
                if fnmatchcase(info.filename, pattern) and not info.is_dir()
            ]
            if not found:
                names = ", ".join(archive.namelist())[:200]
                raise SourceError("members", f"no member matches {pattern!r}; there are {names}")
            for info in found:
                _require_harmless(info)
                with archive.open(info) as member:
                    yield info.filename, _Member(member, min(info.compress_size, size), limits)
    except _DAMAGE as error:
        raise _damaged(error) from error


class _Member:
    def __init__(self, member: IO[bytes], packed: int, limits: Limits) -> None:
        self._member, self._packed, self._limits, self._given = member, packed, limits, 0

    def read(self, size: int, /) -> bytes:
        try:
            plain = self._member.read(size)
        except _DAMAGE as error:
            raise _damaged(error) from error
        self._given += len(plain)
        require_ratio(self._packed, self._given, self._limits)
        return plain


def _damaged(error: Exception) -> SourceError:
    return SourceError("corrupt", f"the zip archive is damaged: {str(error)[:200]}")


def _require_small_directory(file: BinaryIO, most: int) -> int:
    """Refuse a large directory, as zipfile reads it at once; returns the size of the archive."""
    size = file.seek(0, 2)
    start = file.seek(max(0, size - _END_SIZE - 0xFFFF - 20))
    tail = file.read(size - start) or b""
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        raise SourceError("corrupt", "the zip archive has no end: it is cut off or damaged")
    entries, directory = struct.unpack_from("<HI", tail, at + 10)
    if _ZIP64 in tail[max(0, at - 20) : at]:
        raise SourceError("unsupported", "zip64 archives are not read")
    if not 1 <= entries <= most or directory > _DIRECTORY_BYTES:
        way_out = "put exactly one file in it" if most == 1 else f"at most {most:,} are read"
        raise SourceError("members", f"the zip holds {entries} members: {way_out}")
    return size


def _only(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = archive.infolist()
    if len(members) != 1:
        raise SourceError("members", "put exactly one file in the zip")
    return members[0]


def _require_harmless(info: zipfile.ZipInfo) -> None:
    name = info.orig_filename
    if info.flag_bits & _ENCRYPTED:
        raise SourceError("encrypted", "the zip is encrypted")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.is_dir() or kind not in (0, stat.S_IFREG):
        raise SourceError("not-regular", "the zip's member is not a regular file")
    windows = PureWindowsPath(name)
    if "\0" in name or ".." in windows.parts or windows.anchor or PurePosixPath(name).is_absolute():
        raise SourceError("traversal", f"the zip's member has a dangerous name: {name[:100]!r}")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SourceError("unsupported", "only stored and deflated zip members are read")
