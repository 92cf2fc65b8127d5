"""Lines from standard input for a flow that runs: reading them never keeps the process from ending."""

import asyncio
import os
import sys

MOST_BYTES = 65_536


class Lines:
    """Lines of standard input. They are read without a thread, as one that reads cannot be stopped."""

    def __init__(self) -> None:
        self._file, self._rest, self._ended = sys.stdin.fileno(), b"", False

    async def next(self, prompt: str) -> str:
        """Show the prompt and return the next line without its end; "" at the end of the input."""
        sys.stdout.write(prompt)
        sys.stdout.flush()
        while b"\n" not in self._rest and not self._ended:
            found = await self._read()
            self._rest, self._ended = self._rest + found, not found
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode("utf-8", "replace").strip()

    async def _read(self) -> bytes:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        try:
            loop.add_reader(self._file, ready.set)
        except PermissionError:  # a regular file, which never lets anybody wait
            return os.read(self._file, MOST_BYTES)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._file)
        return os.read(self._file, MOST_BYTES)
