"""The digests that a host gives for the bytes it sends; other bytes are not the document.

Sources: RFC 9530 (Content-Digest, Repr-Digest), RFC 3230 (Digest), RFC 1864 (Content-MD5).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping

from agents.runtime.errors import TransientError

ALGORITHMS = {"sha-256": "sha256", "sha-512": "sha512", "md5": "md5"}
STRUCTURED = re.compile(r"([a-z0-9-]+)=:([A-Za-z0-9+/=]+):")
PLAIN = re.compile(r"([A-Za-z0-9-]+)=([A-Za-z0-9+/]+={0,2})")


class Promised:
    """The digests in the headers of an answer, computed while its bytes come."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._wanted = [
            (header, hashlib.new(ALGORITHMS[name], usedforsecurity=False), expected)
            for header, name, expected in _given(headers)
        ]

    def take(self, chunk: bytes) -> None:
        """Add the next bytes, as sent."""
        for _, digest, _ in self._wanted:
            digest.update(chunk)

    def require(self) -> None:
        """Raise TransientError if the bytes are not those that were promised."""
        for header, digest, expected in self._wanted:
            if digest.digest() != expected:
                raise TransientError(f"its bytes are not those of its header {header}")


def _given(headers: Mapping[str, str]) -> Iterator[tuple[str, str, bytes]]:
    found = [
        (header, *pair)
        for header, pattern in (
            ("Content-Digest", STRUCTURED),
            ("Repr-Digest", STRUCTURED),
            ("Digest", PLAIN),
        )
        for pair in pattern.findall(headers.get(header, ""))
    ]
    if "Content-MD5" in headers:
        found.append(("Content-MD5", "md5", headers["Content-MD5"].strip()))
    for header, name, text in found:
        if name.lower() in ALGORITHMS:
            try:
                yield header, name.lower(), base64.b64decode(text, validate=True)
            except binascii.Error:
                continue  # no digest that anybody could check
