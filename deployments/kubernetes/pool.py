"""Creates or updates the pool whose flow runs are Jobs: `python -m deployments.kubernetes.pool --image IMAGE`.

`deployments.apply` declares the pools that every installation has; this one exists on a cluster alone,
and its template names the release's image. The pool of a cloud whose runs are Jobs, which `apply` creates,
gets the template in the same way: `--name gcp`.
"""

import argparse
import asyncio

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectNotFound

from agents.runtime.command_line import run_command
from deployments.kubernetes.job_template import base_job_template
from deployments.kubernetes.workloads import POOL

LIMIT = 32  # flow runs at once
DESCRIPTION = "Flow runs as Jobs of the cluster."


async def declare(image: str, namespace: str, name: str) -> str:
    """Create the pool, or give it this release's template; returns what was done, or nothing."""
    template = base_job_template(image, namespace)
    async with get_client() as client:
        try:
            found = await client.read_work_pool(name)
        except ObjectNotFound:
            pool = WorkPoolCreate(
                name=name,
                type=POOL,
                description=DESCRIPTION,
                concurrency_limit=LIMIT,
                base_job_template=template,
            )
            await client.create_work_pool(pool)
            return f"created work pool {name}"
        if found.base_job_template == template:
            return ""
        await client.update_work_pool(name, WorkPoolUpdate(base_job_template=template))
        return f"updated work pool {name}"


def main(arguments: list[str] | None = None) -> int:
    """Declare the pool and say what was done."""
    parser = argparse.ArgumentParser(
        prog="python -m deployments.kubernetes.pool", description=__doc__
    )
    parser.add_argument("--image", required=True, help="image of flow runs")
    parser.add_argument("--namespace", required=True, help="namespace of their Jobs")
    parser.add_argument("--name", default=POOL, help="the pool, such as that of a cloud")
    asked = parser.parse_args(arguments)
    done = asyncio.run(declare(asked.image, asked.namespace, asked.name))
    print(done or "nothing to change")
    return 0


if __name__ == "__main__":
    run_command(main)
