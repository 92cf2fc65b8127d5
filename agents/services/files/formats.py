"""Which format a file claims by its name, and whether its first bytes agree."""

from enum import StrEnum
from pathlib import PurePath

from agents.services.files.outcomes import SourceError

BOM = b"\xef\xbb\xbf"
GZIP, ZIP, PARQUET, SEALED_PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"PARE"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_JSON_START = b'{["-0123456789tfnNI'


class Format(StrEnum):
    """How records are written in a file."""

    JSON_LINES = "JSON lines"
    JSON = "JSON"
    CSV = "CSV"
    PARQUET = "Parquet"


class Packing(StrEnum):
    """What is wrapped around it."""

    NONE = ""
    GZIP = ".gz"
    ZIP = ".zip"


_FORMATS = {
    ".jsonl": Format.JSON_LINES,
    ".ndjson": Format.JSON_LINES,
    ".json": Format.JSON,
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".txt": Format.CSV,
    ".parquet": Format.PARQUET,
}


def claimed(name: str) -> tuple[Format | None, Packing]:
    """Format and packing by the suffixes of `name`; no format if only the packing is named."""
    path = PurePath(name.lower())
    packing = Packing(path.suffix) if path.suffix in (".gz", ".zip") else Packing.NONE
    inner = path.with_suffix("") if packing else path
    found = _FORMATS.get(inner.suffix)
    if found is None and packing is not Packing.ZIP:
        raise SourceError("unknown-format", f"name it {', '.join(_FORMATS)}, each also .gz or .zip")
    return found, packing


def sniffed(head: bytes) -> Format:
    """The format of bytes that came without a name."""
    _refuse_wide_text(head)
    if head.startswith((PARQUET, SEALED_PARQUET)):
        return Format.PARQUET
    text = head.removeprefix(BOM).lstrip()
    if text.startswith(b"["):
        return Format.JSON
    if text.startswith(b"{"):
        return Format.JSON if begins_document(head) else Format.JSON_LINES
    return Format.CSV


def begins_document(head: bytes) -> bool:
    """Whether the first line leaves an object open, as in one printed over several lines."""
    first, end, _ = head.removeprefix(BOM).lstrip().partition(b"\n")
    return bool(end) and first.rstrip().endswith((b"{", b"[", b",", b":"))


def require(form: Format, head: bytes) -> None:
    """Raise SourceError if the first bytes of a file cannot be of the format it claims."""
    if head.startswith((GZIP, ZIP)):
        raise SourceError("wrong-format", f"this is an archive, not {form}: archives do not nest")
    if form is Format.PARQUET:
        return _require_parquet(head)
    if head.startswith((PARQUET, SEALED_PARQUET)):
        raise SourceError("wrong-format", f"this is Parquet, not {form}")
    _refuse_wide_text(head)
    text = head.removeprefix(BOM).lstrip()
    if text and not _plausible(form, text):
        raise SourceError("wrong-format", f"the content is not {form}: is the suffix right?")
    return None


def _require_parquet(head: bytes) -> None:
    if head.startswith(SEALED_PARQUET):
        raise SourceError("encrypted", "the Parquet file is encrypted")
    if not head.startswith(PARQUET):
        raise SourceError("wrong-format", "the content is not Parquet: is the suffix right?")


def _plausible(form: Format, text: bytes) -> bool:
    array = text.startswith(b"[") and text[1:].lstrip()[:1] in (b"", b"{", b"]")
    if form is Format.JSON:
        return text.startswith((b"{", b"["))
    if form is Format.CSV:
        return not text.startswith(b"{") and not array
    # A bad first line must not make the whole file another format.
    later = text.splitlines()[1:]
    objects = any(line.lstrip().startswith(b"{") for line in later)
    return not array and (objects or text[0] in _JSON_START)


def _refuse_wide_text(head: bytes) -> None:
    zeros = head.count(b"\0") * 3 > len(head)
    if head.startswith(_UTF16) or (zeros and b"\0" in head[:4] and not head.startswith(PARQUET)):
        raise SourceError("encoding", "the text is UTF-16 or UTF-32: save it as UTF-8")
