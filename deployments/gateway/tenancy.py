"""What a caller sees: the journal of its own tenant, and the workflows of the registry."""

from dataclasses import replace

from agents.runtime.context import runtime
from agents.runtime.journal import Journal
from deployments.gateway.access import Principal
from deployments.gateway.problems import Problem
from flows.workflows import WORKFLOWS, Workflow


def journal_of(principal: Principal) -> Journal:
    """The journal with the caller's tenant: items of other tenants do not exist in it."""
    return replace(runtime().journal, tenant=principal.tenant)


def workflow_named(name: str) -> Workflow:
    """The workflow of the registry. Raises Problem 404."""
    found = WORKFLOWS.get(name)
    if found is None:
        raise Problem(
            404,
            "unknown-workflow",
            f"there is no workflow {name!r}",
            f"use one of {', '.join(sorted(WORKFLOWS))}",
        )
    return found


def unknown_item(workflow: str, key: str) -> Problem:
    """The answer for an item that does not exist for the caller."""
    return Problem(404, "unknown-item", f"{workflow} has no item {key!r}", "look at the list")
