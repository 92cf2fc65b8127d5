"""Commands on contracts: check one, propose one from data. They read files alone, so no server is started.

`python -m flows.data_analysis` has them as commands.
"""

from pathlib import Path

from agents.analysis.proposing import write_proposal
from agents.analysis.study import BadStudy, read_contract
from flows.cli.reports import Listing


async def check_contract(contract: str) -> Listing:
    """Check a contract without any data; every mistake is named with its line and column.

    Example: `uv run python -m flows.data_analysis --check-contract sales.yaml`

    Args:
        contract: YAML or JSON file of the contract.

    """
    found = read_contract(contract)
    table = [
        {
            "column": name,
            "type": column.type,
            "unit": column.unit,
            "required": "yes" if column.required else "",
            "bad": column.severity if column.severity == "warning" else column.bad,
        }
        for name, column in found.columns.items()
    ]
    lines = [f"checked in each row: {one.rule}" for one in found.conditions]
    lines += [
        f"the same by {', '.join(one.by)}: {', '.join(one.same)}" for one in found.dependencies
    ]
    title = f"{contract} is a contract: {found.name}, {len(table)} columns"
    return Listing(title=title, table=table, lines=lines)


async def propose_contract(data: str, contract: str | None = None) -> Listing:
    """Write a first contract for a file, with what was seen in each column as a comment.

    Example: `uv run python -m flows.data_analysis --propose sales.csv --contract sales.yaml`

    Args:
        data: CSV, JSON, NDJSON or Parquet file, also as .gz or .zip.
        contract: File to write, which must not exist; without it, the name of the data with .yaml.

    """
    source = Path(data)
    name = "".join(c if c.isalnum() else "-" for c in source.name.partition(".")[0].lower())
    target = Path(contract or f"{name}.yaml")
    try:
        write_proposal(source, name, target)
    except OSError as error:
        raise BadStudy(str(target), (f"cannot be written: {error.strerror}",)) from None
    lines = [f"check it: uv run python -m flows.data_analysis --check-contract {target}"]
    return Listing(title=f"{target} is written: read it before you use it", lines=lines)
