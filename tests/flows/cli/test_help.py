"""The help of every command gives an example that works and describes each parameter in plain words."""

import importlib
import pkgutil
import re
import subprocess
import sys
from typing import Any

import pytest
from prefect import Flow

import flows
from agents.runtime.settings import ROOT
from tests.flows.cli.command_lines import START, flows_of

EXAMPLE = re.compile(r"^Example: `(uv run python -m flows\..*)`$", re.MULTILINE)
WITHOUT_COMMAND = {"decide"}  # one form for the Prefect UI; the terminal has approve and reject


def all_flows() -> dict[str, Flow[..., Any]]:
    names = [found.name for found in pkgutil.walk_packages(flows.__path__, "flows.")]
    modules = [importlib.import_module(name) for name in names]
    values = [value for module in modules for value in vars(module).values()]
    return {value.name: value for value in values if isinstance(value, Flow)}


FLOWS = all_flows()


def test_all_flows_are_found() -> None:
    assert {"order-processing", "data-analysis", "chat", "replay", "serve"} <= FLOWS.keys()


@pytest.mark.parametrize("name", FLOWS)
def test_every_parameter_is_described_in_a_sentence(name: str) -> None:
    properties = FLOWS[name].parameters.model_dump()["properties"]
    described = {key: one.get("description", "") for key, one in properties.items()}
    assert {key: text for key, text in described.items() if not text.rstrip().endswith(".")} == {}
    assert {key: text for key, text in described.items() if len(text.split()) < 3} == {}


def test_every_run_is_named_after_what_it_does() -> None:
    assert [name for name, flow in FLOWS.items() if not flow.flow_run_name] == []


@pytest.mark.parametrize("name", FLOWS)
def test_no_help_names_a_python_function(name: str) -> None:
    functions = {flow.fn.__name__ for flow in FLOWS.values() if "_" in flow.fn.__name__}
    assert functions.isdisjoint(re.findall(r"\w+", FLOWS[name].fn.__doc__ or ""))


@pytest.mark.slow
def test_the_example_of_every_command_runs_that_command() -> None:
    examples = {
        name: EXAMPLE.findall(flow.description or "")
        for name, flow in FLOWS.items()
        if name not in WITHOUT_COMMAND
    }
    assert [name for name, lines in examples.items() if not lines] == []
    ran = flows_of(line for lines in examples.values() for line in lines)
    for name, lines in examples.items():
        assert {line: ran[line] for line in lines} == dict.fromkeys(lines, name)


@pytest.mark.slow
def test_an_example_that_does_not_work_is_found() -> None:
    wrong = [f"{START}flows.operations frobnicate", f"{START}flows.operations show --kye a"]
    first, second = flows_of(wrong).values()
    assert 'Unknown command "frobnicate"' in first
    assert "Did you mean --key" in second


@pytest.mark.slow
def test_a_value_that_is_not_allowed_is_named_with_its_rule() -> None:
    who = "--by ann --reason typo"
    rules = {
        f"{START}flows.operations move x --to top {who}": '"front", "back"',
        f'{START}flows.operations approve x --by ann --reason ""': "1 to 500 characters",
        f"{START}flows.operations prune --older-than-days 0": "Must be > 0",
    }
    said = flows_of(rules)
    assert {line: rule for line, rule in rules.items() if rule not in said[line]} == {}
    assert not any("pydantic" in words for words in said.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    "command,columns",
    [
        ("-m flows.operations", "40"),
        ("-m flows.operations.serving", "80"),
        ("flows/order_processing.py", "40"),
    ],
)
def test_the_usage_line_names_what_was_started(command: str, columns: str) -> None:
    done = subprocess.run(
        [sys.executable, *command.split(), "--help"],
        cwd=ROOT,
        env={"COLUMNS": columns},
        capture_output=True,
        text=True,
        check=False,
    )
    words = " ".join(done.stdout.split())
    assert words.startswith(f"Usage: python {command} "), done.stderr
    assert (
        f"uv run python {command.replace('flows/order', '-m flows.order').removesuffix('.py')}"
        in words
    )
    assert max(len(line) for line in done.stdout.splitlines()) <= int(columns)
