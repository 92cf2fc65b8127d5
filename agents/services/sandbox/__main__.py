"""`python -m agents.services.sandbox --data DIR`: one process that plays all outside systems."""

import argparse
from pathlib import Path

from agents.runtime.command_line import run_command
from agents.services.sandbox.server import run_sandbox


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m agents.services.sandbox", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the record")
    parser.add_argument(
        "--idle", type=float, default=300.0, help="end after this many seconds without a request"
    )
    parser.add_argument("--stock", type=Path, help="CSV of goods: sku,on_hand,weight_grams")
    given = parser.parse_args()
    run_sandbox(given.data.resolve(), given.idle, given.stock)


if __name__ == "__main__":
    run_command(main)
