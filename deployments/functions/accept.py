"""Messages of queues and requests become items of the journal, idempotently by their keys.

A message is accepted when all its items are committed; only then may its provider delete it. There is
no second store for idempotency: a message that comes twice finds its items in the journal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agents.runtime.errors import AgentError
from agents.runtime.intake.intake import Intake, Rejection, Submission
from agents.runtime.model.batch import RunStats
from agents.runtime.model.scenario import Scenario
from agents.services.files.limits import DEFAULTS
from agents.services.files.outcomes import Fault
from agents.services.files.strict_json import StrictJson
from agents.workflow.records import InvalidRecord

CHUNK = 256  # items that are accepted in one commit
WAKE = "[]"  # a message without items: it asks for work on what waits


@dataclass(frozen=True, slots=True)
class Message:
    """A message or a request: one item as a JSON object, or several as JSON Lines."""

    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """An item that was not accepted, and the message that it came in; `line` counts from 1."""

    message: str
    line: int
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How many items are in the journal now, and which were refused."""

    accepted: int
    refused: tuple[Refusal, ...]

    @property
    def failed(self) -> list[str]:
        """The messages with a refused item, in their order; the others are done."""
        return list(dict.fromkeys(one.message for one in self.refused))


class NotAccepted(AgentError):
    """Items of this workflow are made by other workflows, and never by a message."""

    def __init__(self, scenario: str) -> None:
        super().__init__(scenario)
        self.scenario = scenario

    def __str__(self) -> str:
        return f"items of {self.scenario} are made by other workflows: send no messages"


async def accept(scenario: Scenario, messages: Sequence[Message]) -> Acceptance:
    """Put the items of the messages into the queue. Raises NotAccepted, QueueFull, JournalLost.

    When it raises, some items may be in the journal: deliver all messages again.
    """
    lines = list(_lines(messages))
    if not lines:
        return Acceptance(0, ())
    if scenario.validate is None:
        raise NotAccepted(scenario.name)
    refused = list[Refusal]()

    def refuse(one: Rejection) -> None:
        message = lines[one.line - 1][0]
        refused.append(Refusal(message, one.line, one.rule, one.message))

    intake = Intake(scenario, RunStats(), refuse)
    async for _ in intake.queued(_records(scenario, lines), CHUNK):
        pass
    return Acceptance(len(lines) - len(refused), tuple(refused))


def _lines(messages: Sequence[Message]) -> Iterator[tuple[str, bytes]]:
    """The items of all messages as JSON, each with the id of its message."""
    for message in messages:
        text = message.body.strip()
        if not text or text == WAKE.encode():
            continue
        parts = text.splitlines()
        if len(parts) > 1 and isinstance(_parse(parts[0]), Fault):
            parts = [text]  # one object over several lines
        for part in parts:
            if part.strip():
                yield message.id, part


def _records(
    scenario: Scenario, lines: Sequence[tuple[str, bytes]]
) -> Iterator[Submission | Rejection]:
    assert scenario.validate is not None
    for number, (_, text) in enumerate(lines, 1):
        body = _parse(text)
        if isinstance(body, Fault):
            yield Rejection(number, body.rule, f"line {number}: {body.text}", text)
            continue
        try:
            key, canonical = scenario.validate(body)
        except InvalidRecord as error:
            rule = error.problems[0].rule
            yield Rejection(number, rule, f"line {number}: {error.in_short()}", text)
            continue
        payload = scenario.read(canonical, scenario.version)
        yield Submission(key, canonical, payload, number)


def _parse(text: bytes) -> dict[str, object] | Fault:
    return StrictJson(DEFAULTS).parse(text)  # one parser each: it is not for two threads
