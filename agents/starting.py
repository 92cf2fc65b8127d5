"""What a command says when it ends while its modules are still being imported.

Prefect takes seconds to import, and refuses wrong settings of its own in that time. `flows` and
`deployments` import this module first. All modules are also exempt from garbage collection as the process
ends, else Python would search them for half a second.
"""

import atexit
import gc
import sys
from types import TracebackType

STOPPED = "stopped before it began"


def explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Write a few words for Ctrl-C and for wrong settings of Prefect, else a stack trace as usual."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write(f"{STOPPED}\n")
    elif str(getattr(error, "title", "")).endswith("Settings"):  # a ValidationError of pydantic
        problems = [line.strip() for line in str(error).splitlines()[1:3]]
        sys.stderr.write(
            f"error: correct this setting of Prefect, PREFECT_...: {': '.join(problems)}\n"
        )
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = explain
atexit.register(gc.freeze)
