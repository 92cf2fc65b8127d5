"""A real Prefect server whose Redis is away gives back the slots that it took."""

from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.server_settings import SERVER_SETTINGS
from tests.prefect_server import MigratedPrefect, free_port, running_server

pytestmark = pytest.mark.slow

SETTING = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"
SLOTS = 5


async def left_occupied(folder: Path, storage: str) -> int:
    """The slots that stay occupied after a request for them, by a server with this storage."""
    nobody = f"redis://127.0.0.1:{free_port()}/0"
    own = {SETTING: storage, "PREFECT_REDIS_MESSAGING_URL": nobody}
    with (
        running_server(folder, more=own) as server,
        temporary_settings({PREFECT_API_URL: server.url}),
    ):
        async with get_client() as client:
            wanted = GlobalConcurrencyLimitCreate(name="carriers", limit=2 * SLOTS)
            await client.create_global_concurrency_limit(wanted)
            with pytest.raises(PrefectHTTPStatusError, match="500"):
                await client.increment_concurrency_slots_with_lease(
                    ["carriers"], SLOTS, mode="concurrency", lease_duration=60
                )
            return (await client.read_global_concurrency_limit_by_name("carriers")).active_slots


async def test_slots_whose_lease_cannot_be_kept_are_given_back(
    tmp_path: Path, migrated_prefect: MigratedPrefect
) -> None:
    migrated_prefect.fill(tmp_path)
    assert await left_occupied(tmp_path, SERVER_SETTINGS[SETTING]) == 0


@pytest.mark.campaign
async def test_prefect_itself_still_leaves_them_occupied(tmp_path: Path) -> None:
    """Where this fails, Prefect does it by itself, and lease_storage.py can go."""
    assert await left_occupied(tmp_path, "prefect_redis.lease_storage") == SLOTS
