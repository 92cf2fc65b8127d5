"""`python -m tests.deployments.topology.next_release MODULE ARGUMENT...`: a command as a later release has it.

In that release orders have a second major version beside the first one (see next_orders.py), with which
none begins until it is rolled out.
"""

import runpy
import sys
from dataclasses import replace
from typing import cast

from agents.orders import scenario
from flows.workflows import WORKFLOWS, Workflow


def upgrade() -> None:
    """Give this process the code of the later release."""
    first = scenario.ORDERS
    scenario.ORDERS = replace(first, others=(replace(first, version="2"),))
    known = cast("dict[str, Workflow]", WORKFLOWS)
    known["orders"] = Workflow(
        "agents.orders.scenario:ORDERS",
        "flows.fulfilment:fulfil",
        notify="agents.orders.notify_customer:notify_customer",
        reconcile="agents.orders.reconciliation:differences",
        others={2: "tests.deployments.topology.next_orders:fulfil"},
        api="agents.orders.api:CHANGES",
        webhooks="agents.orders.payment_webhook:WEBHOOKS",
    )


if __name__ == "__main__":
    upgrade()
    _, module, *arguments = sys.argv
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
