"""Checkpoints of SQLite's write-ahead log (WAL) beside the commits, so that no commit waits for one.

SQLite itself makes a checkpoint within the commit that fills 1,000 pages. It writes these pages into the
database and flushes that, for up to a tenth of a second, in which no other process can write.
"""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from threading import Event, Lock, Thread
from time import sleep

WAL_BYTES = (
    4 * 2**20
)  # of the file: a smaller one needs no thread, and its last connection empties it
PAUSE = 0.2  # seconds between two checkpoints
FULL_PAGES = (
    4_000  # of the log, from which writers wait for the rest, so that it begins again at its start
)
FULL_TRIES = 200  # while others write, or a long statement reads old pages
FULL_PAUSE = 0.0005  # seconds between two of them
BACKSTOP_PAGES = 20_000  # at which a commit makes the checkpoint, if no thread could


class Checkpoints:
    """A thread that makes checkpoints of one database file while there are commits.

    While others write, a checkpoint leaves what they add to the log. So the log would grow for ever;
    when it is long, writers wait for the few pages that are left.
    Source: "Write-Ahead Logging", https://sqlite.org/wal.html, section 6.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written, self._closing = Event(), Event()
        self._thread: Thread | None = None
        self._starting = Lock()  # several threads of a process may write

    def want(self) -> None:
        """Have a checkpoint made soon."""
        self._written.set()
        with self._starting:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="checkpoints", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the thread, and wait until it has ended."""
        if self._thread is None:
            return
        self._closing.set()
        self._written.set()
        self._thread.join()
        self._thread = None
        self._closing.clear()

    def _run(self) -> None:
        # A file that is gone must not be created again. What fails here is left to the backstop.
        uri = f"{self._path.absolute().as_uri()}?mode=rw"
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection,
        ):
            connection.execute("PRAGMA busy_timeout=0")  # what waits here would keep others waiting
            connection.execute("PRAGMA synchronous=FULL")
            # Looked at after the clear, which may take what `close` has set.
            while not self._closing.is_set():
                self._written.wait()
                self._closing.wait(PAUSE)
                self._written.clear()
                _checkpoint(connection)


def _checkpoint(connection: sqlite3.Connection) -> None:
    _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if pages < FULL_PAGES:
        return
    for _ in range(FULL_TRIES):
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
        if not busy:
            return
        sleep(FULL_PAUSE)
