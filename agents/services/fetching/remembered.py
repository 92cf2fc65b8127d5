"""What was fetched from each URL: with it a host is asked only for what is newer.

Source: RFC 9110, section 13, conditional requests.
"""

import hashlib
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from agents.services.fetching.download import write

FOLDER = ".fetched"  # in the store of documents


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document in the store, and what its host says about it.

    `etag` and `modified` are how to ask for a newer one, `following` is the URL of the next page, `media` the
    type and `filename` the name that the host gives; each is empty if it gives none.
    """

    sha256: str
    size: int
    etag: str = ""
    modified: str = ""
    following: str = ""
    media: str = ""
    filename: str = ""

    @property
    def validator(self) -> str:
        """The value that changes with the document, as the host gives it; empty if it gives none."""
        return self.etag or self.modified

    def condition(self) -> dict[str, str]:
        """The headers that ask for the document only if it is another one by now."""
        if self.etag:
            return {"If-None-Match": self.etag}
        return {"If-Modified-Since": self.modified} if self.modified else {}


@dataclass(frozen=True, slots=True)
class Remembered:
    """The last document of each URL, for each asker; a URL is kept as a hash, as it may hold a secret."""

    store: Path

    def of(self, asker: str, url: str) -> Fetched | None:
        """What was fetched; None if that document is no longer in the store, or never was."""
        try:
            found = Fetched(**orjson.loads(self._place(asker, url).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        if not (self.store / found.sha256).is_file():
            return None
        with suppress(OSError):  # its time tells when it was of use
            os.utime(self._place(asker, url))
        return found

    def keep(self, asker: str, url: str, fetched: Fetched) -> None:
        """Remember it, if the host can be asked whether there is a newer one."""
        place = self._place(asker, url)
        if not fetched.validator:
            place.unlink(missing_ok=True)
            return
        place.parent.mkdir(exist_ok=True)
        write(orjson.dumps(asdict(fetched)), place)

    def _place(self, asker: str, url: str) -> Path:
        name = hashlib.sha256(f"{asker}\n{url}".encode()).hexdigest()
        return self.store / FOLDER / name
