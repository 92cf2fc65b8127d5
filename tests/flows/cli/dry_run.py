"""Parse command lines of a module as its commands do, without running a flow.

`python -m tests.flows.cli.dry_run MODULE` reads a JSON list of command lines from standard input and
writes a JSON list: for each line the name of the flow that would run, or why none would.
"""

import io
import json
import runpy
import shlex
import sys
from collections.abc import Iterable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, NoReturn

from prefect import Flow

from flows.cli import commands


def main() -> None:
    """Parse each line; the flow's run alone is left out."""
    module, started = sys.argv[1], list[str]()

    def run(flow: Flow[..., Any], given: Mapping[str, Any], *, talks: bool) -> NoReturn:
        started.append(flow.name)
        sys.exit()

    commands._run = run
    results = [_parsed(module, shlex.split(line), started) for line in json.load(sys.stdin)]
    print(json.dumps(results))  # noqa: T201 - the answer to the test


def _parsed(module: str, arguments: Iterable[str], started: list[str]) -> str:
    started.clear()
    output = io.StringIO()
    sys.argv = [module, *arguments]
    try:
        with redirect_stdout(output), redirect_stderr(output):
            runpy.run_module(module, run_name="__main__")
    except SystemExit:
        pass
    return started[0] if started else output.getvalue()


if __name__ == "__main__":
    main()
