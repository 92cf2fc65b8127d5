"""Objects of stores that speak S3, and of Google's, by pyarrow's file systems.

Which buckets there are, where, and with which keys is in the settings; a location names an object or a pattern.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from agents.analysis.collecting.documents import PIECE, Document, keep
from agents.runtime.errors import PermanentError, TransientError
from agents.runtime.settings import FetchBucket, Settings
from agents.services.files.outcomes import SourceError

AMAZON, GOOGLE = "s3", "gs"
SCHEMES = (AMAZON, GOOGLE)
SECONDS = 30.0
# What Amazon and Google say to a key; the last one is said here, of an identity that is none.
DENIED = ("ACCESS_DENIED", "PERMISSION_DENIED", "UNAUTHENTICATED", "OAuth2 access token")
WILD = re.compile(r"[*?\[]")


class NoBucket(PermanentError):
    """A bucket that the settings do not name for this study."""

    def __init__(self, location: str, study: str) -> None:
        super().__init__(location, study)
        self.location, self.study = location, study

    def __str__(self) -> str:
        return (
            f"{self.location[:200]}: AGENT_FLOWS_FETCH_BUCKETS names no such bucket for the study "
            f"{self.study!r}"
        )


def matching(location: str, study: str, here: Settings) -> list[str]:
    """The locations of the objects that a pattern matches, ordered; ** stands for any folders."""
    bucket = _bucket(location, study, here)
    path = _path(location)
    fixed = WILD.split(path)[0].rpartition("/")[0]
    from pyarrow import fs  # noqa: PLC0415 - of an extra

    selector = fs.FileSelector(fixed, allow_not_found=True, recursive=True)
    with _answering(location):
        found = _system(location, bucket).get_file_info(selector)
    names = (info.path for info in found if info.type == fs.FileType.File)
    return sorted(
        f"{_scheme(location)}://{n}" for n in names if _is_like(n.split("/"), path.split("/"))
    )


def validator(location: str, study: str, here: Settings) -> str:
    """A value that changes with the object: its size and time. Raises SourceError if there is none."""
    from pyarrow import fs  # noqa: PLC0415 - of an extra

    with _answering(location):
        info = _system(location, _bucket(location, study, here)).get_file_info(_path(location))
    if info.type != fs.FileType.File:
        raise SourceError("cannot-open", "there is no such object", location)
    return f"{info.size}-{info.mtime_ns}"


def copied(location: str, study: str, here: Settings, store: Path) -> Document:
    """Put the object into the store. Raises SourceError and TransientError."""
    system = _system(location, _bucket(location, study, here))
    with _answering(location), system.open_input_stream(_path(location)) as stream:
        return keep(store, _pieces(stream), "")


def _pieces(stream: Any) -> Iterator[bytes]:
    while piece := stream.read(PIECE):
        yield piece


@contextmanager
def _answering(location: str) -> Iterator[None]:
    import pyarrow as pa  # noqa: PLC0415 - of an extra

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise _refused(location, error) from None


def _refused(location: str, error: Exception) -> Exception:
    if isinstance(error, FileNotFoundError):
        return SourceError("cannot-open", "there is no such object", location)
    if isinstance(error, PermissionError) or any(one in str(error) for one in DENIED):
        return SourceError("cannot-open", "the store refuses its key", location)
    return TransientError(f"{location[:200]}: {str(error)[:200]}")


def _bucket(location: str, study: str, here: Settings) -> FetchBucket:
    name = urlsplit(location).netloc
    for one in here.fetch_buckets:
        is_own = any(fnmatchcase(study, studies) for studies in one.studies)
        if one.bucket == name and is_own:
            return one
    raise NoBucket(location, study)


def _scheme(location: str) -> str:
    return location.partition("://")[0]


def _path(location: str) -> str:
    return location.partition("://")[2]


def _system(location: str, bucket: FetchBucket) -> Any:
    from pyarrow import fs  # noqa: PLC0415 - of an extra

    endpoint = bucket.endpoint
    where: dict[str, Any] = {}
    if endpoint is not None:
        where = {"scheme": endpoint.scheme, "endpoint_override": f"{endpoint.host}:{endpoint.port}"}
    if _scheme(location) == GOOGLE:
        patience = timedelta(seconds=SECONDS)
        return fs.GcsFileSystem(
            anonymous=not bucket.own_identity, retry_time_limit=patience, **where
        )
    return fs.S3FileSystem(
        access_key=bucket.key or None,
        secret_key=bucket.secret.get_secret_value() or None,
        anonymous=not (bucket.key or bucket.own_identity),
        region=bucket.region,
        connect_timeout=SECONDS,
        request_timeout=SECONDS,
        **where,
    )


def _is_like(names: list[str], patterns: list[str]) -> bool:
    if not patterns:
        return not names
    if patterns[0] == "**":
        return any(_is_like(names[n:], patterns[1:]) for n in range(len(names) + 1))
    return (
        bool(names)
        and fnmatchcase(unquote(names[0]), patterns[0])
        and _is_like(names[1:], patterns[1:])
    )
