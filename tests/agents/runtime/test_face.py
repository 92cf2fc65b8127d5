"""The face of the runtime: its three lists agree, each name is found, and importing it loads nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import agents.runtime as face

LOADED = """
import sys
import agents.runtime
print(*sorted({"prefect", "sqlalchemy", "redis", "pandas"} & set(sys.modules)))
import agents.runtime.journal.operator_actions
print(*sorted({"prefect", "redis"} & set(sys.modules)))
"""


def test_every_name_is_typed_listed_and_found() -> None:
    tree = ast.parse(Path(face.__file__ or "").read_text(encoding="utf-8"))
    [typed] = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    ]
    names = {
        alias.name
        for node in typed.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert names == set(face.__all__)
    assert all(getattr(face, name).__class__ for name in names)


def test_importing_it_or_the_journal_loads_no_prefect() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "\n\n"), done.stderr
