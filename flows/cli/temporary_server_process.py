"""The process of the temporary Prefect server: uvicorn, which ends when the command that started it is gone.

A command that is killed cannot end its server, which would serve nobody for ever.
Called as `python -m flows.cli.temporary_server_process PARENT OPTION...`, with the options of uvicorn.
"""

import os
import signal
import sys
import threading
import time

WATCH_SECONDS = 1.0
STOP_SECONDS = 10.0


def _end_after(parent: int) -> None:
    """Stop this process once `parent` is its parent no longer: it may first write what it has."""
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os._exit(1)


def main() -> None:
    """Serve until stopped, or until the parent has ended."""
    parent = int(sys.argv.pop(1))
    threading.Thread(target=_end_after, args=(parent,), name="parent", daemon=True).start()
    import uvicorn  # noqa: PLC0415 - takes a while, in which the parent may end as well

    uvicorn.main()


if __name__ == "__main__":
    main()
