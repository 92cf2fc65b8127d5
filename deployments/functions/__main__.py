"""Writes the templates of the declared functions: `python -m deployments.functions [--check]`."""

import argparse
from pathlib import Path

from agents.runtime.command_line import run_command
from deployments.functions.declared import FUNCTIONS
from deployments.functions.templates import templates

FOLDER = Path(__file__).parent / "templates"


def main(arguments: list[str] | None = None) -> int:
    """Write the templates and remove those of functions that are gone; with --check only compare."""
    parser = argparse.ArgumentParser(prog="python -m deployments.functions", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    check = parser.parse_args(arguments).check
    wanted = {FOLDER / one.path: one.text for one in templates(FUNCTIONS.values())}
    there = {path: path.read_text("utf-8") for path in FOLDER.rglob("*") if path.is_file()}
    if check:
        stale = sorted(path for path in wanted | there if wanted.get(path) != there.get(path))
        for path in stale:
            print(f"{path.relative_to(FOLDER)} is stale: run `python -m deployments.functions`")
        return int(bool(stale))
    for path in there.keys() - wanted.keys():
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"{len(wanted)} files in {FOLDER.name}")
    return 0


if __name__ == "__main__":
    run_command(main)
