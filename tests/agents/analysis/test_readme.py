"""The README of data analysis: its commands fit the flows, its contract is valid, its files exist."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow, flow

from agents.analysis.contract import Contract
from agents.runtime.settings import PREFIX, Settings
from flows.data_analysis import analyse
from flows.operations.contracts import check_contract, propose_contract
from flows.operations.items import dead_letters
from flows.operations.studies import mend_rows, quarantine, roll_back_model

FOLDER = Path(__file__).resolve().parents[3] / "agents" / "analysis"
README = (FOLDER / "README.md").read_text("utf-8")
CLEANING = (FOLDER / "cleaning" / "README.md").read_text("utf-8")
FLOWS: dict[tuple[str, str], Flow[..., Any]] = {
    ("flows.data_analysis", ""): analyse,
    ("flows.data_analysis", "--check-contract"): flow(check_contract),
    ("flows.data_analysis", "--propose"): flow(propose_contract),
    ("flows.data_analysis", "quarantine"): quarantine,
    ("flows.data_analysis", "mend"): mend_rows,
    ("flows.data_analysis", "roll-back"): roll_back_model,
    ("flows.operations", "dead-letters"): dead_letters,
}


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


COMMANDS = [line for block in blocks("bash") for line in block.splitlines()]


def parsed(command: str) -> tuple[Flow[..., Any], dict[str, Any]]:
    """The flow of a command line, and its parameters."""
    words = shlex.split(command.removeprefix("uv run python -m "))
    module, name = words.pop(0), ""
    if words and (module, words[0]) in FLOWS:
        name = words.pop(0)
    flow = FLOWS[module, name]
    given: dict[str, Any] = {}
    if words and not words[0].startswith("--"):  # the first parameter may be given by its place
        given[next(iter(flow.parameters.properties))] = words.pop(0)
    for option, value in zip(words[::2], words[1::2], strict=True):
        given[option.removeprefix("--").replace("-", "_")] = value
    if isinstance(given.get("source"), str) and flow is analyse:
        given["source"] = (given["source"],)
    return flow, given


@pytest.mark.parametrize("command", [one for one in COMMANDS if not one.endswith("--help")])
def test_its_commands_fit_the_flows(command: str) -> None:
    flow, given = parsed(command)
    assert given.keys() <= flow.parameters.properties.keys()
    assert set(flow.parameters.required) <= given.keys()
    flow.validate_parameters(given)


def test_its_contract_is_valid() -> None:
    (text,) = blocks("yaml")
    assert Contract.model_validate(yaml.safe_load(text)).columns["sold"].outliers == 8


def test_what_it_says_of_contracts_is_valid_and_names_every_file() -> None:
    whole, steady, more = blocks("yaml", CLEANING)
    contract = yaml.safe_load(whole)
    assert len(Contract.model_validate(contract).conditions) == 4
    site = {"columns": contract["columns"] | {"site": {"type": "text"}, "temp": {"type": "number"}}}
    both = yaml.safe_load(more) | yaml.safe_load(steady)
    assert Contract.model_validate(contract | site | both).expects.rows is not None
    files = {path.name for path in (FOLDER / "cleaning").glob("*.py")} - {"__init__.py"}
    assert files == set(re.findall(r"`(\w+\.py)`", CLEANING))


def test_its_files_and_settings_exist() -> None:
    files = re.findall(r"`([\w*./-]+\.(?:py|yaml)|\w+/)`", README)
    own = [name for name in files if name != "contract.yaml"]
    assert len(own) >= 10
    assert [name for name in own if not list(FOLDER.glob(name))] == []
    settings = {name.lower() for name in re.findall(rf"`{PREFIX}([A-Z_]+)", README)}
    assert settings == {"fetch_allowed", "dask"} & Settings.model_fields.keys()


def test_it_is_read_in_a_few_minutes() -> None:
    assert len(README.split()) <= 720
