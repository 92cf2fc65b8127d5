"""`python -m tests.flows.run_analysis POINT SOURCE CONTRACT TARGET`: a run that dies at a fail point."""

import asyncio
import sys

from agents.runtime.testing import arm
from flows.data_analysis import analyse


def main() -> None:
    """Run the flow outside of Prefect until the first hit of the point."""
    point, source, contract, target = sys.argv[1:]
    arm({point: 1})
    asyncio.run(analyse.fn((source,), contract, target))


if __name__ == "__main__":
    main()
