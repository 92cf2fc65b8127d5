"""Writes requirements.lock for images and plain pip: `python -m deployments.lock [--check]`."""

import argparse
import difflib
import subprocess
import sys
from pathlib import Path

from agents.runtime.command_line import run_command

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "deployments" / "requirements.lock"
HEADER = (
    "# Written by `python -m deployments.lock`; install with `pip install --require-hashes -r`.\n"
)
# --upgrade: the outcome follows from pyproject.toml alone, not from an older uv.lock.
EXPORT = (
    "uv",
    "export",
    "--quiet",
    "--upgrade",
    "--all-extras",
    "--no-emit-project",
    "--no-header",
)


def export() -> str:
    """The lock as uv resolves pyproject.toml now."""
    done = subprocess.run(EXPORT, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)  # uv has said why
    return HEADER + done.stdout


def difference(written: str, wanted: str) -> str:
    """What would have to change in the written lock; empty if nothing."""
    names = (LOCK.name, "pyproject.toml")
    return "\n".join(
        difflib.unified_diff(written.splitlines(), wanted.splitlines(), *names, lineterm="")
    )


def main(arguments: list[str] | None = None) -> int:
    """Write the lock, or with --check say how it differs and return 1."""
    parser = argparse.ArgumentParser(prog="python -m deployments.lock", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    check = parser.parse_args(arguments).check
    wanted = export()
    if not check:
        LOCK.write_text(wanted, encoding="utf-8")
        return 0
    written = LOCK.read_text(encoding="utf-8") if LOCK.exists() else ""
    if changes := difference(written, wanted):
        print(changes, "requirements.lock is stale: run `python -m deployments.lock`.", sep="\n")
    return int(bool(changes))


if __name__ == "__main__":
    run_command(main)
