"""Writes or checks the manifests: `python -m deployments.kubernetes --write`."""

import argparse
import asyncio
import difflib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from agents.runtime.command_line import run_command
from agents.runtime.journal.database import Database
from agents.runtime.settings import settings
from deployments.kubernetes import versions
from deployments.kubernetes.manifests import files
from deployments.kubernetes.values import Values, load
from deployments.kubernetes.versions import AgentVersion

FOLDER = Path(__file__).parent / "manifests"


def written(folder: Path) -> dict[str, str]:
    """The text of each YAML file of the folder by its path."""
    paths = sorted(folder.rglob("*.yaml"))
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in paths}


def write(wanted: Mapping[str, str], folder: Path) -> list[str]:
    """Write the files and delete all others of the folder that are ours; returns a line for each change."""
    found, lines = written(folder), list[str]()
    for name, text in wanted.items():
        if found.get(name) != text:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
            lines.append(f"wrote {name}")
    for name in found.keys() - wanted.keys():
        (folder / name).unlink()
        lines.append(f"deleted {name}")
    return lines


def differences(wanted: Mapping[str, str], folder: Path) -> list[str]:
    """How the files of the folder differ from those that the code makes."""
    found = written(folder)
    return [
        line
        for name in sorted(wanted.keys() | found.keys())
        for line in difflib.unified_diff(
            found.get(name, "").splitlines(),
            wanted.get(name, "").splitlines(),
            name,
            name,
            lineterm="",
        )
    ]


def deletions(kept: Sequence[AgentVersion], values: Values) -> list[str]:
    """The commands that delete what a cluster has of drained versions; `apply` deletes nothing."""
    return [
        f"kubectl --namespace {values.namespace} delete scaledobject,deployment,pdb {one.name}"
        for one in versions.drained(kept)
    ]


async def _of_journal() -> list[AgentVersion]:
    database = Database(settings().journal)
    try:
        return await versions.of_journal(database)
    finally:
        await database.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deployments.kubernetes", description=__doc__)
    act = parser.add_mutually_exclusive_group(required=True)
    act.add_argument("--write", action="store_true", help="write the manifests")
    act.add_argument("--check", action="store_true", help="say how they differ, and write nothing")
    parser.add_argument("--values", type=Path, help="YAML file of the installation's values")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the manifests")
    parser.add_argument(
        "--journal",
        action="store_true",
        help="leave out versions that are drained, by the journal of AGENT_FLOWS_JOURNAL_URL",
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Write or check; returns 1 if the check found a difference or the values are wrong."""
    asked = _parser().parse_args(arguments)
    try:
        values = load(asked.values) if asked.values else Values()
    except (OSError, yaml.YAMLError, ValidationError) as error:
        print(f"error: {asked.values}: {error}", file=sys.stderr)
        return 1
    kept = asyncio.run(_of_journal()) if asked.journal else versions.of_code()
    wanted = files(values, kept)
    if asked.check:
        lines = differences(wanted, asked.out)
        print(
            "\n".join([*lines, "run `python -m deployments.kubernetes --write`"] if lines else []),
            end="",
        )
        return int(bool(lines))
    print("\n".join(write(wanted, asked.out)) or "nothing to change")
    if commands := deletions(kept, values):
        print("\ndrained, so delete from the cluster:", *commands, sep="\n")
    return 0


if __name__ == "__main__":
    run_command(main)
