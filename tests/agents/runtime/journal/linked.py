"""Items that need others, in tests: graphs of them, and a process that works through the queue."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from random import Random

from agents.runtime.context import runtime
from agents.runtime.execution.saga import saga
from agents.runtime.intake.intake import batches_of
from agents.runtime.journal.claims import claim
from agents.runtime.journal.dependencies import accept_linked
from agents.runtime.journal.queue import Queue, claim_first, due_outside_queue
from agents.runtime.journal.schema import history, items
from agents.runtime.journal.submit import Accepted, NewItem, Sender, load
from agents.runtime.model.batch import RunStats
from agents.runtime.model.scenario import hash_of
from agents.runtime.trace_context import new_trace
from tests.agents.runtime.jobs import JOBS, AnyAgent, Job, rows

LINKED = replace(JOBS, has_dependencies=True)
Graph = Mapping[str, Sequence[str]]


def new_job(key: str, text: str = "") -> NewItem:
    body = Job(key=key, text=text).model_dump_json()
    return NewItem(key, body, hash_of(body), new_trace())


async def link(graph: Graph, text: str = "") -> list[Accepted]:
    """Accept jobs, each with the keys of those that it needs."""
    here, sender = runtime(), Sender(runtime().journal.tenant, "jobs", "1")
    new = [new_job(key, text) for key in graph]
    return await accept_linked(here.journal.database, sender, new, graph)


async def work(*workflow: AnyAgent, size: int = 256) -> RunStats:
    """Take what is ready through the workflow, until nothing is."""
    here, stats, queue = runtime(), RunStats(), Queue("jobs")
    while True:
        found = await claim_first(here.journal.database, here.lease.id, queue, size)
        if not found:
            ids = await due_outside_queue(here.journal.database, queue)
            async with here.journal.database.write() as connection:
                found = await claim(connection, here.lease.id, ids)
        if not found:
            return stats
        claimed = await load(here.journal.database, found)
        async for batch in batches_of(LINKED, stats, claimed, size):
            current = batch
            async with saga(batch):
                for step in workflow:
                    current = await step(current)


async def out_of_order(graph: Graph) -> list[str]:
    """Items that a process claimed before all that they need had completed."""
    keys = {row.id: row.key for row in await rows(items)}
    events = sorted(await rows(history), key=lambda row: (row.at, row.sequence))
    claimed: dict[str, float] = {}
    done: dict[str, float] = {}
    for row in events:
        if row.event == "claim":
            claimed.setdefault(keys[row.item], row.at)
        elif row.event in {"complete", "skip"}:
            done[keys[row.item]] = row.at
    return [
        f"{key} before {needed}"
        for key, at in claimed.items()
        for needed in graph.get(key, ())
        if done.get(needed, at + 1) > at
    ]


def random_graph(rng: Random, count: int) -> dict[str, list[str]]:
    """Jobs in an order in which each needs some of those before it."""
    names = [f"job-{n:03}" for n in range(count)]
    return {
        name: sorted(rng.sample(names[:n], rng.randint(0, min(n, 3))))
        for n, name in enumerate(names)
    }


def needing(graph: Graph, roots: Iterable[str]) -> set[str]:
    """What needs one of these, directly or through others."""
    found = set(roots)
    for key, needs in graph.items():  # in an order in which what is needed comes first
        if found.intersection(needs):
            found.add(key)
    return found - set(roots)
