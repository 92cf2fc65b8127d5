"""`python -m tests.agents.invoices.run_invoices FILE POINT`: a run that is killed at a fail point."""

import asyncio
import sys

from agents.runtime.testing import arm
from flows.invoice_approval import approve_invoices

if __name__ == "__main__":
    file, point = sys.argv[1:]
    arm({point: 1})
    asyncio.run(approve_invoices.fn(file))
