"""What a run did with its items, for the terminal and for Prefect's UI."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from pydantic import BaseModel

from agents.runtime import Item, RunStats
from agents.workflow.exit_status import problem_of, source_status

ALWAYS_SHOWN = ("rejected", "waiting", "dead-lettered")
NAMES = {
    "waiting": "waiting for approval",
    "pending": "pending at a provider",
    "elsewhere": "held by another process",
}
MAIN_REASONS = 4
OPERATIONS = "uv run python -m flows.operations"
LISTED = f"the messages that are not sent: {OPERATIONS} messages"


class RunReport(BaseModel):
    """Counts by outcome, the main reasons, messages, and the pace; `noun` says what the items are.

    `refused` counts the records of the source that were not accepted; `cut` says where it breaks off.
    `dead` and `asked` count the dead letters and the items that wait for a person now, of earlier runs too.
    """

    noun: str
    source: str = ""
    refused: int = 0
    cut: str = ""
    dead: int = 0
    asked: int = 0
    items: int
    outcomes: dict[str, int]
    reasons: dict[str, dict[str, int]]
    messages: dict[str, int]
    seconds: float
    rejects_file: str = ""

    @classmethod
    def of(
        cls, stats: RunStats, noun: str, seconds: float, words: Iterable[str] = (), **more: Any
    ) -> Self:
        """The report of a run of `seconds`; `words` are the outcomes that it always shows, and first."""
        shown = dict.fromkeys([*words, *ALWAYS_SHOWN])
        others = [word for word in stats.outcomes if word not in shown]
        outcomes = {word: stats.outcomes[word] for word in [*shown, *others]}
        return cls(
            noun=noun,
            items=stats.done,
            outcomes=outcomes,
            reasons={word: dict(c.most_common(MAIN_REASONS)) for word, c in stats.reasons.items()},
            messages=metrics(stats, "messages "),
            seconds=seconds,
            **more,
        )

    def headline(self) -> str:
        """Items, time and pace in one line."""
        pace = self.items / self.seconds if self.seconds else 0.0
        return f"{self.items:,} {self.noun} in {self.seconds:.1f} s ({pace:,.0f} {self.noun}/s)"

    def rows(self) -> list[dict[str, str]]:
        """One row an outcome, with its main reasons."""
        return [
            {
                "outcome": NAMES.get(word, word),
                self.noun: f"{count:,}",
                "main reasons": ", ".join(
                    f"{reason} ({n})" for reason, n in self.reasons.get(word, {}).items()
                ),
            }
            for word, count in self.outcomes.items()
        ]

    def notes(self) -> list[str]:
        """What waits for a person, messages, and where the rejected records are."""
        return [
            *self.standing_lines(),
            *message_lines(self.messages),
            *([f"rejected lines: {self.rejects_file}"] if self.rejects_file else []),
        ]

    def standing_lines(self) -> list[str]:
        """What waits for a person now, each with the command that lists it."""
        which = "" if self.noun == "orders" else f" --scenario {self.noun}"
        found = {
            "dead-letters": (self.dead, "dead letters"),
            "waiting": (self.asked, "items that wait for a person"),
        }
        return [
            f"{count:,} {what}: {OPERATIONS} {command}{which}"
            for command, (count, what) in found.items()
            if count
        ]

    def status(self) -> int:
        """The exit status of its command: 0 if items of the whole source were taken, whatever their end."""
        return source_status(self.items, self.refused, self.cut)

    def problem(self) -> str:
        """What is wrong with the source, in one line; empty if nothing is."""
        return problem_of(self.status(), self.source, self.noun, self.cut)


def either(done: str, failed: str) -> Callable[[Item], str]:
    """The `outcome` of a scenario whose items end in one of two words."""
    return lambda item: failed if item.failure else done


def message_lines(messages: Mapping[str, int], title: str = "messages") -> list[str]:
    """What became of the messages, and where to look for those that are not sent."""
    counts = ", ".join(f"{count:,} {word}" for word, count in messages.items() if count)
    others = any(count for word, count in messages.items() if word != "sent")
    return [*([f"{title}: {counts}"] if counts else []), *([LISTED] if others else [])]


def metrics(stats: RunStats, prefix: str) -> dict[str, int]:
    """The metrics of a run whose names begin with `prefix`, by the rest of their names."""
    return {
        name.removeprefix(prefix): amount
        for name, amount in stats.metrics.items()
        if name.startswith(prefix)
    }
