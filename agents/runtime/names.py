"""The names that we give at outside systems: which installation gave a key or reference."""

import re

INSTALLATION = re.compile(r"[0-9a-f]{16}")


def installation_of(name: str) -> str:
    """The installation that gave this key or reference, or nothing if none did.

    Keys and references of earlier releases, and names that others gave, have no installation.
    """
    first, colon, _ = name.partition(":")
    return first if colon and INSTALLATION.fullmatch(first) else ""
