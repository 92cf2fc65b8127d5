"""The tutorial in agents/README.md: its code is the shipped code, and built from it alone it runs."""

import re
import shlex
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agents.services.sandbox.process import stop_sandbox
from tests.prefect_server import PrefectServer

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "agents" / "README.md").read_text("utf-8")
BLOCK = re.compile(r"^`([\w./-]+)`[^\n]*\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILES = dict(BLOCK.findall(README))
SHIPPED = [
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "agents/invoices").glob("*.py")),
    "flows/invoice_approval.py",
]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_it_has_every_file_as_it_is_shipped() -> None:
    assert sorted(FILES) == sorted([*SHIPPED, "invoices.csv"])
    assert {path: FILES[path] for path in SHIPPED} == {
        path: (ROOT / path).read_text("utf-8") for path in SHIPPED
    }


def test_it_has_the_registrys_line_and_the_deployments_block_as_they_are_shipped() -> None:
    (line,) = [block for block in blocks("python") if "Workflow(" in block]
    assert line in (ROOT / "flows/workflows.py").read_text("utf-8")
    (block,) = blocks("yaml")
    assert block in (ROOT / "prefect.yaml").read_text("utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project that has never heard of invoices, and then what the page says."""
    for folder in ("agents", "flows"):
        ignored = shutil.ignore_patterns("invoices", "invoice_approval.py")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    (line,) = [block for block in blocks("python") if "Workflow(" in block]
    registry = tmp_path / "flows" / "workflows.py"
    before = registry.read_text("utf-8").replace(line, "")
    assert "invoice" not in before
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    assert before.endswith("}\n")
    registry.write_text(before.removesuffix("}\n") + line + "}\n", "utf-8")
    return tmp_path


@pytest.mark.slow
def test_what_it_builds_runs_and_prints_what_it_says(
    project: Path, prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without a server each command would start one; this one has no limits that all share.
    server = replace(prefect_server, root=project)
    monkeypatch.setenv("AGENT_FLOWS_CONCURRENCY", "local")
    commands = [line for block in blocks("bash") for line in block.splitlines()]
    try:
        for command, printed in zip(commands, blocks("text"), strict=True):
            words = shlex.split(command.removeprefix("uv run python "))
            done = server.run(sys.executable, *words)
            assert done.returncode == 0, done.stderr
            missing = [line for line in printed.splitlines() if line not in done.stdout]
            assert missing == [], done.stdout + done.stderr
    finally:
        stop_sandbox(project / ".agent-flows")
