"""The commands for a contract: check one, propose one."""

from pathlib import Path

import pytest

from agents.analysis.study import BadStudy
from flows.operations.contracts import check_contract, propose_contract


def test_each_is_a_flow_with_described_parameters() -> None:
    for flow in (check_contract, propose_contract):
        schema = flow.parameters.model_dump()
        assert all(one.get("description") for one in schema["properties"].values()), flow.name


async def test_a_proposal_is_a_file_of_its_own(tmp_path: Path) -> None:
    data, contract = tmp_path / "May 2024.csv", tmp_path / "may.yaml"
    data.write_text("at,n\n2024-01-01,1\n2024-01-02,2\n")
    listing = await propose_contract.fn(str(data), str(contract))
    assert "--check-contract" in listing.lines[0]
    assert contract.read_text().splitlines()[1] == "name: may-2024"
    with pytest.raises(BadStudy, match="cannot be written"):
        await propose_contract.fn(str(data), str(contract))
