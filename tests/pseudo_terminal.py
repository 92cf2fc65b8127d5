"""Commands on a pseudo-terminal, and what they would send to other machines."""

import contextlib
import os
import pty
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

MOMENT, STOP_SECONDS = 0.1, 20.0


class PseudoTerminal:
    """A running command that takes this for a person's terminal; what it writes is kept in the file."""

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], file: Path
    ) -> None:
        self._ours, theirs = pty.openpty()
        self.file = file
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what still runs of the command and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(STOP_SECONDS)
        os.close(self._ours)

    @property
    def screen(self) -> str:
        """All that was written so far."""
        return self.file.read_text("utf-8", errors="replace") if self.file.exists() else ""

    def wait_for(self, text: str, seconds: float) -> None:
        """Return when the text is on the screen; fail with the screen where it does not come."""
        until = time.monotonic() + seconds
        while text not in self.screen:
            assert time.monotonic() < until, f"no {text!r} on the screen: {self.screen}"
            assert self._reader.is_alive(), f"ended without {text!r}: {self.screen}"
            self._reader.join(MOMENT)

    def type(self, text: str) -> None:
        """Type the text at the terminal."""
        os.write(self._ours, text.encode())

    def wait(self, seconds: float) -> int:
        """Return the command's status when it and its children have ended."""
        self._reader.join(seconds)
        assert not self._reader.is_alive(), f"still running: {self.screen}"
        return self.process.wait()

    def _read(self) -> None:
        with self.file.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while written := os.read(self._ours, 65_536):  # OSError: nobody holds the other end
                file.write(written)


@contextlib.contextmanager
def refusing_proxy() -> Iterator[tuple[str, list[str]]]:
    """A proxy's address, and the first line of each request that it was asked to pass on."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_refuse, args=(listener, asked), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _refuse(listener: socket.socket, asked: list[str]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # closed: the block is over
            return
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            asked.append(connection.recv(4_096).partition(b"\r\n")[0].decode(errors="replace"))
            connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")
