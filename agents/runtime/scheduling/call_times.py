"""How long a call may take, learned from how long such calls took: time-outs and second attempts."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

ENOUGH_FOR_TIMEOUT = 1_000  # calls: fewer say nothing about the slowest in a thousand
ENOUGH_FOR_SECOND = 200
MARGIN = 3.0  # time-out as a multiple of the time within which 99.9 % of calls end
LEAST_TIMEOUT, LEAST_PATIENCE = 1.0, 0.05  # seconds
EASED = 4.0  # each further attempt may take this many times as long
FRESH = 300.0  # seconds for which a process uses the times that it has read


@dataclass(frozen=True, slots=True)
class CallTimes:
    """How long the latest calls of an agent took: how many they are, and two quantiles in seconds."""

    calls: int
    p99: float
    p999: float

    def timeout(self, ceiling: float, attempt: int = 0) -> float:
        """Seconds after which a call is given up: at most `ceiling`, which holds without enough calls.

        `attempt` counts from 0. An item whose call is slow for a good reason gets longer each time.
        """
        if self.calls < ENOUGH_FOR_TIMEOUT:
            return ceiling
        return min(ceiling, max(self.p999 * MARGIN, LEAST_TIMEOUT) * EASED**attempt)

    @property
    def patience(self) -> float | None:
        """Seconds after which a second attempt is worth its cost; None without enough calls."""
        return max(self.p99, LEAST_PATIENCE) if self.calls >= ENOUGH_FOR_SECOND else None


@dataclass(slots=True)
class Allowance:
    """Allows something for at most a `share` of the calls, and at most `burst` times at once."""

    share: float
    burst: int
    left: float = 1.0
    counted: int = 0

    def is_open(self, calls: int) -> bool:
        """Whether it is allowed now, after `calls` calls in all."""
        self.left = min(self.left + (calls - self.counted) * self.share, self.burst)
        self.counted = calls
        return self.left >= 1.0

    def take(self) -> None:
        """Use it once."""
        self.left -= 1.0


@dataclass(slots=True)
class Patience:
    """With the calls of one agent: what is usual, and how often a slow call may be touched.

    When a provider becomes slow, all calls take longer than they did. Therefore at most 2 % of the
    calls are ended before the policy's own time-out, and at most 5 % get a second attempt.
    """

    times: CallTimes | None = None
    early_ends: Allowance = field(default_factory=lambda: Allowance(0.02, 3))
    second_attempts: Allowance = field(default_factory=lambda: Allowance(0.05, 5))


@dataclass(slots=True)
class Usual:
    """What a process knows about its agents: how many calls each has made, and its patience with it.

    `read_at`, when it was read from the journal, is a time of the monotonic clock.
    """

    calls: Counter[str] = field(default_factory=Counter)
    agents: defaultdict[str, Patience] = field(default_factory=lambda: defaultdict(Patience))
    read_at: float | None = None

    def is_fresh(self, at: float) -> bool:
        """Whether the times need not be read again at this moment."""
        return self.read_at is not None and at - self.read_at < FRESH
