"""What the README shows works: its Python runs, its commands are run here or by a named test."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from agents.analysis.models import Contract
from agents.runtime.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

INSTALL_AND_TEST = {
    "pip install uv && uv run python -m flows.order_processing",
    "uv sync --all-extras",
    "uv sync --all-groups",
    "pip install uv && uv run --group dev pytest",
    'uv run pytest -m "not slow"',
    "uv run pytest -m campaign",
    "uv run --group lint pre-commit install",
    "uv run --group lint pre-commit run --all-files",
}

# Commands that need a server or take long, each with the test that runs it.
RUN_BY = {
    "uv run prefect server start": "tests/prefect_server.py",
    "uv run python -m deployments.apply": "tests/deployments/test_apply.py",
    "uv run prefect --no-prompt deploy --all": "tests/deployments/test_order_deployment.py",
    "uv run prefect worker start --pool default --type process": "tests/prefect_server.py",
    "uv run prefect deployment run order-processing/order-processing": (
        "tests/deployments/test_order_deployment.py"
    ),
    "uv run python -m flows.operations dead-letters": "tests/flows/operations/test_terminal.py",
    "uv run python -m flows.order_processing --enqueue sample": "tests/flows/operations/test_serving.py",
    "uv run python -m flows.order_processing serve --most 2": "tests/flows/operations/test_serving.py",
    "uv run python -m flows.operations backlog": "tests/flows/operations/test_queues.py",
    "uv run --extra support python -m flows.customer_service --file turns.jsonl --out replies.jsonl": (
        "tests/flows/test_customer_service.py"
    ),
    "uv run --extra support python -m flows.customer_service": "tests/flows/test_chat.py",
    "uv run --extra support python -m flows.customer_service --enqueue turns.jsonl": (
        "tests/flows/test_customer_service.py"
    ),
    "uv run --extra support python -m flows.customer_service --evaluate": "tests/flows/test_evaluation.py",
    "uv run --extra analysis python -m flows.data_analysis": "tests/flows/test_analysis_sample.py",
    "uv run --extra analysis python -m flows.data_analysis quarantine": "tests/flows/test_data_analysis.py",
    "uv run python -m tests.benchmarks.analysis": "tests/benchmarks/test_analysis.py",
    "uv run python -m tests.faults --quick": "tests/faults/test_faults.py",
    "uv run python -m tests.benchmarks.messaging": "tests/benchmarks/test_messaging.py",
    "uv run python -m tests.benchmarks.orchestration --orders 10000": (
        "tests/benchmarks/test_orchestration.py"
    ),
}

RUN_HERE = {
    "uv run python -m flows.operations --help": "dead-letters",
    "uv run python -m flows.order_processing --help": "--orders",
    "uv run python -m deployments.check": "",
    "uv run --extra analysis python -m flows.data_analysis --help": "--contract",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


def run(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# What each Python block prints.
PRINTED = [
    "{'booked': 1, 'failed': 1} {'default:trips:1:book_seat:0': 'Ann'}\n",
    "carrier='swift'\n",
]


@pytest.mark.slow
@pytest.mark.parametrize("code, printed", [*zip(blocks("python"), PRINTED, strict=True)])
def test_its_python_runs(code: str, printed: str, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(code)
    assert run(str(script)) == printed


def test_every_command_is_run_by_something() -> None:
    assert set(commands()) == INSTALL_AND_TEST | RUN_BY.keys() | RUN_HERE.keys()
    assert [path for path in RUN_BY.values() if not (ROOT / path).is_file()] == []


@pytest.mark.slow
@pytest.mark.parametrize("command", RUN_HERE)
def test_its_commands_run(command: str) -> None:
    module, *options = command.partition(" python -m ")[2].split()
    assert RUN_HERE[command] in run("-m", module, *options)


def test_its_contract_is_one() -> None:
    (text,) = blocks("yaml")
    assert Contract.model_validate(yaml.safe_load(text)).columns["sold"].outliers == 8


def test_every_setting_named_exists() -> None:

    table = README.split("`AGENT_FLOWS_…`:")[1].split("\n\n")[1]
    named = re.findall(r"`([A-Z_]{4,})`", table)
    assert {name.lower() for name in named} <= Settings.model_fields.keys()
    assert len(named) >= 10
