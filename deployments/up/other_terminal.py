"""What another terminal may ask of an installation: how it is, and to stop it."""

import signal
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil
from rich.console import Console

from deployments.up.processes import end, living, marked
from deployments.up.record import Entry, Record, Store
from deployments.up.screen import table

DOWN_SECONDS = 12.0  # the supervisor itself needs ten at most
NOT_UP, NOT_HEALTHY = 3, 1
POLL_SECONDS = 0.1


def status(store: Store, console: Console) -> int:
    """Print how each process is; 0 if all is well, 1 if something is not, 3 if nothing runs."""
    record = store.read()
    if record is None:
        console.print(f"{store.data} is not up", markup=False)
        return NOT_UP
    entries = [_now(entry) for entry in record.entries]
    console.print(table(entries, console.width))
    console.print(f"memory: {_memory(store):,.0f} MB; logs: {store.logs}", markup=False)
    if record.supervisor is None:
        words = "nobody supervises these processes: start `up` again, or stop them with --down"
        console.print(words, markup=False)
        return NOT_HEALTHY
    good = all(entry.state in {"healthy", "done"} for entry in entries)
    return 0 if good else NOT_HEALTHY


def down(store: Store, console: Console) -> int:
    """Stop the installation, also one whose supervisor was killed; 0 even if nothing ran."""
    record = store.read()
    if record is None:
        console.print(f"{store.data} is not up", markup=False)
        return 0
    begun = time.monotonic()
    _ask_supervisor(record)
    left = [process for entry in record.entries if (process := _living(entry))]
    end(left, DOWN_SECONDS)
    end(marked(store.data), 1.0)
    store.remove()
    console.print(f"stopped after {time.monotonic() - begun:.1f} s", markup=False)
    return 0


def _ask_supervisor(record: Record) -> None:
    if record.supervisor is None or (process := living(record.supervisor)) is None:
        return
    with suppress(psutil.Error):
        process.send_signal(signal.SIGTERM)
        until = time.monotonic() + DOWN_SECONDS
        while living(record.supervisor) and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        if living(record.supervisor):
            process.kill()


def _living(entry: Entry) -> psutil.Process | None:
    return living(entry.identity) if entry.identity else None


def _now(entry: Entry) -> Entry:
    """The entry, with what has happened since it was written."""
    if entry.identity and entry.state not in {"done", "stopped"} and not living(entry.identity):
        entry.state, entry.note = "ended", "its end was not noticed yet"
    return entry


def _memory(store: Store) -> float:
    """Megabytes that the processes of the installation have for themselves, beside what they share."""
    total = 0
    processes: Sequence[psutil.Process] = marked(store.data)
    for process in processes:
        with suppress(psutil.Error):
            total += process.memory_full_info().uss
    return total / 1e6
