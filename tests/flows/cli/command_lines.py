"""Command lines of flows, parsed as a terminal would parse them, without running a flow."""

import io
import runpy
import shlex
import sys
import warnings
from collections.abc import Iterable, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import Any, NoReturn

import pytest
from prefect import Flow

from flows.cli import commands

START = "uv run python -m "


def flows_of(lines: Iterable[str]) -> dict[str, str]:
    """The name of the flow that each line runs, or what its command says instead.

    Each line begins with `uv run python -m flows`. A file given as "$(cat ...)" is an empty object.
    """
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        # The module that is started is loaded already, as the rest of the process knows it.
        warnings.filterwarnings("ignore", ".*found in sys.modules", RuntimeWarning)
        warnings.filterwarnings("ignore", "Cyclopts application invoked without tokens")
        return {line: _flow_of(line, patch) for line in lines}


def _flow_of(line: str, patch: pytest.MonkeyPatch) -> str:
    module, *arguments = shlex.split(line.removeprefix(START).replace("$(cat order.json)", "{}"))
    started, output = list[str](), io.StringIO()

    def run(flow: Flow[..., Any], given: Mapping[str, Any], *, talks: bool) -> NoReturn:
        started.append(flow.name)
        sys.exit()

    patch.setattr(commands, "_run", run)
    patch.setattr(sys, "argv", [module, *arguments])
    with suppress(SystemExit), redirect_stdout(output), redirect_stderr(output):
        runpy.run_module(module, run_name="__main__")
    return started[0] if started else output.getvalue()
