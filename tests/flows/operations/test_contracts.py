"""The commands for a contract: check one, propose one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agents.analysis.study import BadStudy
from flows.operations.contracts import propose_contract


async def test_a_proposal_is_a_file_of_its_own(tmp_path: Path) -> None:
    data, contract = tmp_path / "May 2024.csv", tmp_path / "may.yaml"
    data.write_text("at,n\n2024-01-01,1\n2024-01-02,2\n")
    listing = await propose_contract(str(data), str(contract))
    assert "--check-contract" in listing.lines[0]
    assert contract.read_text().splitlines()[1] == "name: may-2024"
    with pytest.raises(BadStudy, match="cannot be written"):
        await propose_contract(str(data), str(contract))


def test_a_check_starts_no_server(tmp_path: Path) -> None:
    contract = tmp_path / "sales.yaml"
    contract.write_text(
        "name: sales\ntime: at\ncolumns:\n  at: {type: time}\n  n: {type: integer}\n"
    )
    home = tmp_path / "prefect"
    done = subprocess.run(
        [sys.executable, "-m", "flows.data_analysis", "--check-contract", contract],
        env={k: v for k, v in os.environ.items() if k != "PREFECT_API_URL"}
        | {"PREFECT_HOME": str(home), "AGENT_FLOWS_DATA": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "is a contract: sales, 2 columns" in done.stdout
    assert "Prefect" not in done.stdout
    assert not (home / "prefect.db").exists()
