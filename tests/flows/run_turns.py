"""`python -m tests.flows.run_turns POINT HITS FILE OUT`: turns in a process that dies at a point."""

import asyncio
import sys

from agents.runtime.testing import arm
from flows.customer_service import serve_turns


def main() -> None:
    """Run the flow outside of Prefect until it reaches the point for the HITS-th time."""
    point, hits, file, out = sys.argv[1:]
    arm({point: int(hits)})
    asyncio.run(serve_turns.fn(file, out))


if __name__ == "__main__":
    main()
