"""Group commit: requests that arrive together share a transaction.

One task writes. It takes whatever waits when the commit before has ended, so an idle gateway adds no
delay and a busy one commits many items at the price of one.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.exc import IntegrityError

from agents.runtime.clock import clock
from agents.runtime.errors import AgentError
from agents.runtime.journal.api_requests import Answer, KeyReused, Offer, RequestKey, accept_offers
from agents.runtime.journal.database import Database
from agents.runtime.telemetry import get_logger
from deployments.gateway.journal_away import is_away

log = get_logger(__name__)

MOST_TOGETHER = 256
COMMIT_SECONDS = 10.0  # how long a request waits for its commit
STUCK_SECONDS = 5.0  # a commit that takes longer means that the database is away
TRIES = 3
LONGEST_PAUSE = 0.01
"""Seconds for which SQLite is left to other writers: as long as the last commit took, and no longer than this.

Without it a busy gateway writes all the time, and consumers wait for ends of its transactions.
"""


class InWork(AgentError):
    """The first request with this key is still in work."""

    def __str__(self) -> str:
        return "the first request with this Idempotency-Key is still in work"


class NotCommitted(AgentError):
    """The journal did not say in time that the item is stored: it may be, or not."""

    def __str__(self) -> str:
        return "the journal cannot be reached now"


@dataclass(slots=True, eq=False)
class Member:
    """One offer that waits for its commit."""

    offer: Offer
    since: float = field(default_factory=lambda: clock().monotonic())
    answer: asyncio.Future[Answer] = field(default_factory=asyncio.Future)

    def __post_init__(self) -> None:
        # a caller that went away asks for no answer
        self.answer.add_done_callback(lambda done: done.cancelled() or done.exception())

    @classmethod
    def refused(cls, offer: Offer, error: Exception) -> "Member":
        """One that waits for nothing."""
        member = cls(offer)
        member.answer.set_exception(error)
        return member

    def age(self) -> float:
        """Seconds since it began to wait."""
        return clock().monotonic() - self.since

    def result(self) -> Answer | Exception:
        """What became of it; NotCommitted while it still waits."""
        if not self.answer.done():
            return NotCommitted()
        error = self.answer.exception()
        if error is None:
            return self.answer.result()
        assert isinstance(error, Exception)
        return error


class GroupCommit:
    """Commits offers to one journal, those that wait together in one transaction.

    Args:
        database: The journal.
        accepted: Called with the queue of items that were committed.

    """

    def __init__(
        self, database: Database, accepted: Callable[[str], None] = lambda _: None
    ) -> None:
        self.database, self._accepted_in = database, accepted
        self._waiting: deque[Member] = deque()
        self._in_work: dict[tuple[str, str], Member] = {}
        self._alone: set[tuple[str, str]] = set()
        self._writer: asyncio.Task[None] | None = None
        self._begun: float | None = None

    async def accept(self, offers: Sequence[Offer]) -> list[Answer | Exception]:
        """The answers to the offers, after their commit, or KeyReused, InWork or NotCommitted.

        A caller that goes away takes nothing back.
        """
        if self.is_stuck or not offers:
            return [NotCommitted() for _ in offers]
        members = [self._member(offer) for offer in offers]
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        await asyncio.wait({member.answer for member in members}, timeout=COMMIT_SECONDS)
        return [member.result() for member in members]

    @contextmanager
    def alone(self, key: RequestKey) -> Iterator[None]:
        """Nobody else works on the request with this key meanwhile. Raises InWork."""
        if key.id in self._alone:
            raise InWork
        self._alone.add(key.id)
        try:
            yield
        finally:
            self._alone.discard(key.id)

    @property
    def is_stuck(self) -> bool:
        """Whether the journal has not answered for a while."""
        return self._begun is not None and clock().monotonic() - self._begun > STUCK_SECONDS

    def _member(self, offer: Offer) -> Member:
        """A new member of the next group, or the one that waits with the same key and request."""
        first = self._in_work.get(offer.key.id) if offer.key else None
        if first is not None and offer.key == first.offer.key:
            return first if first.age() < COMMIT_SECONDS else Member.refused(offer, InWork())
        member = Member(offer)
        self._waiting.append(member)
        if offer.key is not None and first is None:
            self._in_work[offer.key.id] = member
        return member

    async def _write(self) -> None:
        try:
            while self._waiting:
                self._begun = begun = clock().monotonic()
                await self._commit(self._next_group())
                if self._waiting and self.database.is_sqlite:
                    await asyncio.sleep(min(LONGEST_PAUSE, clock().monotonic() - begun))
        finally:
            self._writer, self._begun = None, None

    def _next_group(self) -> list[Member]:
        """The members that waited longest; of those with one key only the first."""
        group: list[Member] = []
        keys: set[tuple[str, str]] = set()
        later: list[Member] = []
        while self._waiting and len(group) < MOST_TOGETHER:
            member = self._waiting.popleft()
            key = member.offer.key
            (later if key is not None and key.id in keys else group).append(member)
            if key is not None:
                keys.add(key.id)
        self._waiting.extendleft(reversed(later))
        return group

    async def _commit(self, group: list[Member]) -> None:
        """Commit the group; if that fails, commit its halves, so that a member fails alone."""
        try:
            answers = await self._accepted(group)
        except Exception as error:  # noqa: BLE001 - whatever it is, its callers get an answer
            if len(group) > 1 and not is_away(error):
                log.warning("a group is tried in halves", items=len(group), reason=str(error))
                half = len(group) // 2
                await self._commit(group[:half])
                await self._commit(group[half:])
            else:
                log.error("items are not accepted", items=len(group), reason=str(error))  # noqa: TRY400 - its callers raise it
                self._fail(group, NotCommitted() if is_away(error) else error)
        else:
            for member, answer in zip(group, answers, strict=True):
                self._finish(member, answer)
            for queue in {member.offer.sender.scenario for member in group}:
                self._accepted_in(queue)

    async def _accepted(self, group: list[Member]) -> list[Answer | KeyReused]:
        offers = [member.offer for member in group]
        for _ in range(TRIES - 1):
            try:
                return await accept_offers(self.database, offers)
            except IntegrityError as error:  # another process has used one of the keys
                log.info("a group is tried again", reason=str(error.orig))
        return await accept_offers(self.database, offers)

    def _fail(self, group: list[Member], error: Exception) -> None:
        for member in group:
            self._finish(member, error)

    def _finish(self, member: Member, result: Answer | Exception) -> None:
        key = member.offer.key
        if key is not None and self._in_work.get(key.id) is member:
            del self._in_work[key.id]
        if isinstance(result, Exception):
            member.answer.set_exception(result)
        else:
            member.answer.set_result(result)
