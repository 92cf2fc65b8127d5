"""What the READMEs show works: programs run, commands and links exist, tables match the code."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from agents.runtime.settings import Settings
from deployments.resources import RETIRED
from flows.operations.__main__ import GROUPS
from flows.workflows import WORKFLOWS
from tests.flows.cli.command_lines import START, flows_of
from tests.readmes import ROOT, readmes

READMES = readmes()
TOP, FLOWS, DEPLOYMENTS = (READMES[f"{name}README.md"] for name in ("", "flows/", "deployments/"))
WORDS, AGENT_LINES = 1_200, 25
NAMED = re.compile(r"`([^`]+)`")

# Commands that install, or that CI runs.
INSTALL_AND_TEST = {
    "pip install uv && uv run python -m flows.order_processing",
    "pip install uv && uv run --group dev pytest",
    "uv sync --all-extras",
    "uv run --group dev pytest",
    'uv run --group dev pytest -m "not slow"',
    "uv run --group dev pytest -m campaign",
    "uv run --group lint pre-commit install",
    "uv run --group lint pre-commit run --all-files",
}

# Other commands, each with the test that runs it. Those of flows are parsed by the test below.
RUN_BY = {
    "uv run prefect server start": "tests/prefect_server.py",
    "uv run --group bench python -m tests.benchmarks": "tests/benchmarks/test_table.py",
    "uv run python -m tests.benchmarks.command_start": "tests/benchmarks/test_command_start.py",
    "uv run python -m deployments.check": "tests/deployments/test_check.py",
    "uv run python -m deployments.apply": "tests/deployments/test_apply.py",
    "uv run python -m deployments.placement --only-show": (
        "tests/deployments/topology/test_fail_over.py"
    ),
    "uv run python -m deployments.apply --plan": "tests/deployments/test_apply.py",
    "uv run prefect --no-prompt deploy --all": "tests/deployments/test_order_deployment.py",
    (
        "uv run prefect event emit agent-flows.request.cancel-workflow"
        " --resource-id agent-flows.monitor"
        """ --payload '{"workflow": "nightly", "by": "monitor", "reason": "disk is full"}'"""
    ): "tests/deployments/test_acts_by_events.py",
    "uv run prefect worker start --pool default --type process": "tests/prefect_server.py",
    "uv run prefect deployment run order-processing/order-processing": (
        "tests/deployments/test_order_deployment.py"
    ),
    "uv run python -m deployments.up": "tests/deployments/up/test_up.py",
    "uv run python -m deployments.up --status": "tests/deployments/up/test_up.py",
    "uv run python -m deployments.up --down": "tests/deployments/up/test_up.py",
    "uv run --extra production python -m deployments.up --production --secrets /etc/agent-flows": (
        "tests/deployments/up/test_production.py"
    ),
    "uv run --all-groups python -m deployments.up --production --embedded": (
        "tests/deployments/up/test_production_form.py"
    ),
    "uv run python -m tests.benchmarks.analysis": "tests/benchmarks/test_analysis.py",
    "uv run python -m tests.benchmarks.analysis_quality": "tests/benchmarks/test_analysis_quality.py",
    "uv run python -m tests.benchmarks.gateway": "tests/benchmarks/test_gateway.py",
    "uv run python -m tests.benchmarks.scheduling": "tests/benchmarks/test_scheduling.py",
    "uv run python -m tests.faults --quick": "tests/faults/test_faults.py",
    "uv run python -m tests.benchmarks.messaging": "tests/benchmarks/test_messaging.py",
    "uv run python -m tests.benchmarks.orchestration --orders 10000": (
        "tests/benchmarks/test_orchestration.py"
    ),
    **dict.fromkeys(
        (
            "uv run --extra kubernetes python -m deployments.kubernetes --check",
            "uv run --extra kubernetes python -m deployments.kubernetes --write",
        ),
        "tests/deployments/kubernetes/test_manifests.py",
    ),
    **dict.fromkeys(
        (
            "uv run python -m deployments.images.compose --check",
            "uv run python -m deployments.images.compose --write",
        ),
        "tests/deployments/images/test_compose.py",
    ),
    (
        "uv run --group dev cyclonedx-py requirements deployments/requirements.lock --of JSON -o sbom.json"
    ): "tests/deployments/images/test_dockerfile.py",
    "uv run python -m deployments.gateway --sample": "tests/deployments/gateway/test_command.py",
    "uv run --extra observability python -m deployments.observability --write": (
        "tests/deployments/observability/test_generated.py"
    ),
    (
        'uv run python -m deployments.gateway.trust.new_key "shop app" --scopes chat'
        ' --customer yara_ito_8499 --by ann --reason "the chat"'
    ): "tests/deployments/gateway/test_command.py",
} | {
    line: "tests/deployments/gateway/test_command.py"
    for readme in READMES.values()
    for line in readme.commands()
    if line.startswith("curl ")
}

PROGRAMS = [
    pytest.param(code, shown, id=f"{path}-{number}")
    for path, readme in READMES.items()
    for number, (code, shown) in enumerate(readme.programs())
]
COMMANDS = {line for readme in READMES.values() for line in readme.commands()}
IN_TEXT = {line for readme in READMES.values() for line in readme.commands_in_text()}


def test_the_top_readme_is_short() -> None:
    assert len(TOP.text.split()) <= WORDS


def test_its_agent_has_25_lines_and_one_import_of_ours() -> None:
    [(code, _)] = TOP.programs()
    assert len(code.splitlines()) <= AGENT_LINES
    assert len(re.findall(r"^(?:from|import) agents\b", code, re.MULTILINE)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("code,shown", PROGRAMS)
def test_a_program_runs_and_prints_what_is_shown(
    code: str, shown: str | None, tmp_path: Path
) -> None:
    script = tmp_path / "program.py"
    script.write_text(code, encoding="utf-8")
    data = {"AGENT_FLOWS_DATA": str(tmp_path / "data"), "PREFECT_HOME": str(tmp_path / "prefect")}
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=os.environ | data | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert shown is None or done.stdout == shown


def test_every_command_is_known() -> None:
    others = {line for line in COMMANDS if not line.startswith(f"{START}flows")}
    assert others == INSTALL_AND_TEST | RUN_BY.keys()
    assert [path for path in RUN_BY.values() if not (ROOT / path).is_file()] == []


@pytest.mark.slow
def test_every_command_of_flows_is_one() -> None:
    lines = {line for line in COMMANDS | IN_TEXT if line.startswith(f"{START}flows")}
    assert len(lines) > 10
    wrong = {line: said for line, said in flows_of(lines).items() if "Error" in said}
    assert wrong == {}


def test_every_module_that_is_named_exists() -> None:
    modules = {line.partition(START)[2].split()[0] for line in IN_TEXT | COMMANDS if START in line}
    assert {module for module in modules if find_spec(module) is None} == set()


def test_every_link_leads_somewhere() -> None:
    targets = [(readme, target) for readme in READMES.values() for target in readme.links()]
    files = [(readme.leads_to(target).resolve(), target) for readme, target in targets]
    missing = {str(file.relative_to(ROOT)) for file, _ in files if not file.exists()}
    assert missing == set()
    for file, target in files:
        if file.suffix == ".md" and "#" in target and file.exists():
            other = READMES[str(file.relative_to(ROOT))]
            assert target.partition("#")[2] in other.anchors(), target


def test_every_guarantee_has_a_test() -> None:
    rows = TOP.table("What it guarantees")
    assert len(rows) >= 10
    for _what, _happens, shown in rows:
        [path] = re.findall(r"\((tests/[\w/]+\.py)\)", shown)
        assert "def test_" in (ROOT / path).read_text(encoding="utf-8")


def test_every_row_of_the_comparison_can_be_checked() -> None:
    rows = TOP.table("Compared with")
    assert len(rows) >= 5
    assert {len(row) for row in rows} == {6}
    assert [row for row in rows if "https://" not in str(row) and "`uv run" not in str(row)] == []


def test_the_operations_are_those_of_the_command_line() -> None:
    named = [NAMED.findall(row[0]) for row in FLOWS.table("Operations")]
    commands = [[flow.name] for flows in GROUPS.values() for flow in flows]
    assert sorted(named) == sorted(commands)


def test_the_scenarios_are_processed_where_the_table_says() -> None:
    table = {row[0].strip("`"): row[2].strip("`") for row in FLOWS.table("Scenarios")}
    assert len(table) >= 7
    assert table == {name: WORKFLOWS[name].process.__module__ for name in table}


def test_the_renamed_deployments_are_those_that_are_removed() -> None:
    table = {row[0].strip("`"): row[1].strip("`") for row in DEPLOYMENTS.table("A new release")}
    assert table == {one.name: one.successor for one in RETIRED}


def test_every_setting_is_described() -> None:
    cells = " ".join(row[0] for row in DEPLOYMENTS.table("Settings"))
    assert {name.lower() for name in NAMED.findall(cells)} == Settings.model_fields.keys()
