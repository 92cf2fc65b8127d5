"""`python -m tests.flows.run_decision VERDICT SCENARIO KEY`: an operator decides, in another process."""

import asyncio
import sys
from typing import Any

from flows.operations.actions import decide


def main() -> None:
    """Approve or reject an item outside of Prefect, and take it to its end."""
    verdict, scenario, key = sys.argv[1:]
    given: dict[str, Any] = {"key": key, "verdict": verdict, "scenario": scenario}
    asyncio.run(decide.fn(**given, by="Ann", reason="looked at it"))


if __name__ == "__main__":
    main()
