"""The format of a document: by its name, by what its host says, by its content, or by the contract."""

import re
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from agents.services.files.csv_records import delimiter_of
from agents.services.files.formats import BOM, GZIP, ZIP, Format, sniffed
from agents.services.files.outcomes import SourceError

SUFFIXES = re.compile(
    r"(?:\.(?:csv|tsv|txt|jsonl|ndjson|json|parquet|xlsx))?(?:\.(?:gz|zip))?$", re.IGNORECASE
)
MEDIA = {
    "text/csv": ".csv",
    "application/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/json": ".json",
    "application/x-ndjson": ".jsonl",
    "application/ndjson": ".jsonl",
    "application/jsonl": ".jsonl",
    "application/vnd.apache.parquet": ".parquet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}
PAGE = re.compile(rb"\s*<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE)
SUFFIX_OF = {
    Format.CSV: ".csv",
    Format.JSON: ".json",
    Format.JSON_LINES: ".jsonl",
    Format.PARQUET: ".parquet",
}
HEAD = 64 << 10
WAY_OUT = "say which format it has, such as `collect: {form: csv}` in the contract"


def is_url(location: str) -> bool:
    """Whether it is a URL; everything else is a path."""
    return "://" in location


def scheme_of(location: str) -> str:
    """The scheme of a URL, such as https; empty for a path."""
    return location.partition("://")[0].lower() if is_url(location) else ""


def form_of(location: str) -> str:
    """The suffixes that name the format, such as .csv.gz; empty if there are none."""
    path = urlsplit(location).path if is_url(location) else location
    found = SUFFIXES.search(PurePosixPath(path).name)
    assert found is not None  # the pattern matches an empty text too
    return found.group().lower()


def identified(path: Path, names: Iterable[str], media: str, declared: str) -> str:
    """The form of the document at `path`.

    Args:
        path: Where its bytes are.
        names: Its location, and the name that its host gives; the first with a format holds.
        media: Its type, as the host gives it.
        declared: Its format by the contract.

    Raises SourceError if nothing tells, and for a web page, which is an error page or a log-in.

    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    packed = head.startswith(GZIP)
    plain = _unpacked(head) if packed else head
    if PAGE.match(plain.removeprefix(BOM)):
        raise SourceError(
            "web-page",
            "this is a web page and no data: does the URL need a log-in, or another path?",
        )
    named = next((form for name in names if (form := form_of(name))), "")
    inner = f".{declared}" if declared else named.removesuffix(".gz")
    if not inner:
        inner = MEDIA.get(media) or _by_content(path, plain)
    elif declared and declared != "xlsx" and head.startswith(ZIP):
        inner += ".zip"
    # A document may be packed for the way alone, whatever its name says.
    return inner + (".gz" if packed else "")


def _unpacked(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(head, HEAD)
    except zlib.error:
        return b""


def _by_content(path: Path, head: bytes) -> str:
    if head.startswith(ZIP):
        return _of_archive(path)
    form = sniffed(head)
    if form is Format.CSV:
        _require_table(head)
    return SUFFIX_OF[form]


def _of_archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            return ".xlsx" if "xl/workbook.xml" in archive.namelist() else ".zip"
    except (zipfile.BadZipFile, OSError, ValueError):
        return ".zip"


def _require_table(head: bytes) -> None:
    """Text with a delimiter in its first line is CSV; of anything else nobody can be sure."""
    first = head.removeprefix(BOM).lstrip().partition(b"\n")[0]
    try:
        is_text = first.decode().isprintable() or "\t" in first.decode()
    except UnicodeDecodeError:
        is_text = False
    if not is_text or delimiter_of(first).encode() not in first or first.startswith(b"<"):
        begins = first[:40].decode("utf-8", "backslashreplace")
        raise SourceError(
            "unknown-format", f"its format is unclear; it begins {begins!r}: {WAY_OUT}"
        )
