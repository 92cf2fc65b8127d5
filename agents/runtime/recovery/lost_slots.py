"""Slots of limits that nobody can give back, since Prefect has lost their leases.

A limit counts its slots in Prefect's database, and their leases are elsewhere: in Redis, in files, or in
the memory of the server. Where those are lost, the slots stay occupied for ever, and calls that need them
wait for ever. Prefect does not list the leases of a limit (version 3.8.8), so this goes by time.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.responses import GlobalConcurrencyLimitResponse
from prefect.exceptions import PrefectHTTPStatusError

from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

LOST_AFTER = timedelta(
    minutes=10
)  # longer than a batch holds its slots; a lease ends after a minute


async def give_back_lost_slots(limits: Collection[str]) -> int:
    """Free the slots of these limits that were neither taken nor given back for ten minutes.

    A limit of which only a part is lost is freed when it has rested for so long. Whatever is taken
    meanwhile stays taken. Returns how many slots were freed; 0 if the server does not answer, since the
    next recovery repeats it.
    """
    freed = 0
    try:
        async with get_client() as client:
            for name in sorted(limits):
                freed += await _give_back(client, name, await _lost(client, name))
    except Exception as error:  # noqa: BLE001 - whatever the server answers, the next recovery repeats it
        log.warning("lost slots are not given back yet", reason=str(error))
    return freed


async def _lost(client: PrefectClient, name: str) -> int:
    """How many slots of the limit have rested for so long, by the server's clock; 0 without the limit."""
    try:
        answer = await client.request(
            "GET", "/v2/concurrency_limits/{id_or_name}", path_params={"id_or_name": name}
        )
    except PrefectHTTPStatusError as error:
        if error.response.status_code == HTTPStatus.NOT_FOUND:
            return 0
        raise
    limit = GlobalConcurrencyLimitResponse.model_validate(answer.json())
    asked: datetime = parsedate_to_datetime(answer.headers["Date"])
    is_lost = limit.updated is not None and asked - limit.updated > LOST_AFTER
    return limit.active_slots if is_lost else 0


async def _give_back(client: PrefectClient, name: str, count: int) -> int:
    if count:
        log.warning("slots were given back, since their leases are lost", limit=name, slots=count)
        await client.release_concurrency_slots([name], count, occupancy_seconds=float(count))
    return count
