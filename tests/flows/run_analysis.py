"""`python -m tests.flows.run_analysis POINT FOLDER`: data analysis in a process that dies at a point."""

import asyncio
import sys

from agents.runtime.faultpoints import arm
from flows.data_analysis import analyse


def main() -> None:
    """Run the flow outside of Prefect until the second hit of the point."""
    point, folder = sys.argv[1:]
    arm({point: 1 if point == "accepted" else 2})
    asyncio.run(analyse.fn((f"{folder}/part-*.csv",), f"{folder}/contract.yaml", at_once=2))


if __name__ == "__main__":
    main()
