"""A run over turns: those of one conversation one after the other, and the answer to each."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agents.runtime import AgentError, Batch, Intake, RunStats, Submission, open_runtime
from agents.runtime.journal import Journal
from agents.runtime.journal.queries import item_history
from agents.runtime.redis.signals import signals
from agents.runtime.settings import settings
from agents.support.decide_turn import decide_turn
from agents.support.models import Decided, Replied, Turn, Understood
from agents.support.reply_turn import reply_turn
from agents.support.scenario import TURNS
from agents.support.understand_turn import understand_turn

AT_ONCE = 128


class NotAnswered(AgentError):
    """A turn that has no answer: it is a dead letter, or another process works on it."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"turn {self.key} has no answer yet: see `python -m flows.operations show`"


class TurnTaken(AgentError):
    """The journal has another turn under this key, such as one of another user."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"the journal has another turn {self.key}: give the conversation an id that is not used yet"


@dataclass(slots=True)
class ConversationRun:
    """The turns of one run; the journal holds what was understood, decided and answered."""

    journal: Journal
    stats: RunStats = field(default_factory=RunStats)

    async def accepted(self, turns: Sequence[Turn]) -> AsyncIterator[Batch]:
        """The turns in batches; the turns of one conversation are in successive batches."""
        self.stats.expected = len(turns)
        intake = Intake(TURNS, self.stats, reject=lambda _: None)
        for wave in waves(turns):
            records = [Submission(t.key, t.model_dump_json(), t, n + 1) for n, t in enumerate(wave)]
            async for batch in intake.accepted(records, AT_ONCE):
                yield batch

    async def queued(self, turns: Sequence[Turn]) -> None:
        """Put the turns into the queue for consumers, in their order."""
        records = [Submission(t.key, t.model_dump_json(), t, n + 1) for n, t in enumerate(turns)]
        intake = Intake(TURNS, self.stats, reject=lambda _: None)
        async with signals(settings()) as consumers:
            async for _ in intake.queued(records, AT_ONCE):
                await consumers.wake(TURNS.name)

    async def answered(self, turn: Turn) -> tuple[Understood, Decided, Replied]:
        """What was understood, decided and said. Raises NotAnswered and TurnTaken."""
        found = await item_history(self.journal, TURNS.name, turn.key)
        if found and found.item.body and Turn.model_validate_json(found.item.body) != turn:
            raise TurnTaken(turn.key)
        done = {s.agent: s for s in found.steps if s.status == "done"} if found else {}
        if reply_turn.name not in done:
            raise NotAnswered(turn.key)
        understood, decided, replied = (
            agent.decode(done[agent.name].output, done[agent.name].version)
            for agent in (understand_turn, decide_turn, reply_turn)
        )
        return understood, decided, replied


def waves(turns: Iterable[Turn]) -> list[list[Turn]]:
    """The first turns of all conversations, then the second turns, and so on."""
    by_conversation: dict[str, list[Turn]] = defaultdict(list)
    for turn in sorted(turns, key=lambda turn: turn.number):
        by_conversation[turn.conversation].append(turn)
    longest = max(map(len, by_conversation.values()), default=0)
    return [[some[n] for some in by_conversation.values() if n < len(some)] for n in range(longest)]


@asynccontextmanager
async def open_run() -> AsyncIterator[ConversationRun]:
    """Open the runtime for a run over turns."""
    async with open_runtime(settings()) as opened:
        yield ConversationRun(opened.journal)
