"""Leases of Prefect's limits, in Redis as prefect-redis keeps them; slots without a lease are given back.

Prefect takes slots in its database first, and then keeps their lease (version 3.8.8). If Redis is away in
between, nobody can give the slots back, and calls that need them wait for ever. Prefect's server loads this
module by its name, from PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE.
"""

from datetime import timedelta
from uuid import UUID

from prefect.server.concurrency.lease_storage import ConcurrencyLimitLeaseMetadata
from prefect.server.database import provide_database_interface
from prefect.server.models.concurrency_limits_v2 import bulk_decrement_active_slots
from prefect.server.utilities.leasing import ResourceLease
from prefect_redis.lease_storage import ConcurrencyLeaseStorage as RedisLeaseStorage

Metadata = ConcurrencyLimitLeaseMetadata


class ConcurrencyLeaseStorage(RedisLeaseStorage):  # type: ignore[misc]  # it has no types
    """The name is the one that Prefect looks for."""

    async def create_lease(
        self, resource_ids: list[UUID], ttl: timedelta, metadata: Metadata | None = None
    ) -> ResourceLease[Metadata]:
        """Keep a lease for slots that were taken just now; give them back if that fails.

        If Redis kept the lease and only its answer was lost, the slots are given back once more when it
        ends: the limit is then exceeded for a while, and nobody waits for ever.
        """
        try:
            lease: ResourceLease[Metadata] = await super().create_lease(resource_ids, ttl, metadata)
        except Exception:
            if metadata is not None:
                await _give_back(resource_ids, metadata.slots)
            raise
        return lease


async def _give_back(limits: list[UUID], slots: int) -> None:
    async with provide_database_interface().session_context(begin_transaction=True) as session:
        await bulk_decrement_active_slots(  # type: ignore[attr-defined]  # its decorator hides its type
            session=session, concurrency_limit_ids=limits, slots=slots
        )
