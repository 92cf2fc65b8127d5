"""Slots of limits that nobody can give back, since Prefect has lost their leases.

A limit counts its slots in Prefect's database, and their leases are elsewhere: in Redis, in files, or in
the memory of the server. Where those are lost, the slots stay occupied for ever, and calls that need them
wait for ever. Prefect does not list the leases of a limit (version 3.8.8), so this goes by time.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import PrefectClient, get_client

from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

LOST_AFTER = timedelta(
    minutes=10
)  # longer than a batch holds its slots; a lease ends after a minute
PAGE = 200


async def give_back_lost_slots(limits: Collection[str]) -> int:
    """Free the slots of these limits that were neither taken nor given back for ten minutes.

    A limit of which only a part is lost is freed when it has rested for so long. Whatever is taken
    meanwhile stays taken. Returns how many slots were freed; 0 if the server does not answer, since the
    next recovery repeats it.
    """
    freed = 0
    try:
        async with get_client() as client:
            for limit in await client.read_global_concurrency_limits(limit=PAGE):
                resting = datetime.now(UTC) - (limit.updated or datetime.now(UTC))
                if limit.name in limits and limit.active_slots and resting > LOST_AFTER:
                    await _give_back(client, limit.name, limit.active_slots)
                    freed += limit.active_slots
    except Exception as error:  # noqa: BLE001 - whatever the server answers, the next recovery repeats it
        log.warning("lost slots are not given back yet", reason=str(error))
    return freed


async def _give_back(client: PrefectClient, name: str, count: int) -> None:
    log.warning("slots were given back, since their leases are lost", limit=name, slots=count)
    await client.release_concurrency_slots([name], count, occupancy_seconds=float(count))
