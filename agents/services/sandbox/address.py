"""The address of the sandbox of a data folder, in a file in that folder."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "sandbox.json"


@dataclass(frozen=True, slots=True)
class SandboxAddress:
    """Where the sandbox answers, and the token that every request carries."""

    url: str
    pid: int
    token: str


def read_address(data: Path) -> SandboxAddress | None:
    """The address that the folder's sandbox has written; the sandbox may have ended since."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        written = json.loads((data / FILE).read_text("utf-8"))
        return SandboxAddress(str(written["url"]), int(written["pid"]), str(written["token"]))
    return None


def write_address(data: Path, address: SandboxAddress) -> None:
    """Write the file atomically, readable by its owner only."""
    draft = data / f"{FILE}.{address.pid}"
    draft.touch(0o600)
    draft.write_text(json.dumps(asdict(address)), "utf-8")
    draft.replace(data / FILE)
