"""What the READMEs of collecting and modelling show can be written in a contract."""

import re
from pathlib import Path

import pytest
import yaml

from agents.analysis.contract import Contract

FOLDER = Path(__file__).resolve().parents[4] / "agents" / "analysis"


@pytest.mark.parametrize("name", ["collecting", "modelling"])
def test_its_contract_is_valid_and_its_files_exist(name: str) -> None:
    text = (FOLDER / name / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    columns = {"at": {"type": "time"}, "shop": {"type": "text"}}
    fields = {"name": "x", "time": "at", "columns": columns}
    assert blocks
    for block in blocks:
        contract = Contract.model_validate(fields | yaml.safe_load(block))
        assert contract != Contract.model_validate(fields)
    files = set(re.findall(r"`(\w+\.py)`", text))
    there = {path.name for path in (FOLDER / name).glob("*.py")} - {"__init__.py"}
    assert files == there
