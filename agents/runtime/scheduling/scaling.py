"""How many consumers a queue needs, from the work that waits in it and the time to drain it.

Nothing is remembered between two looks: the journal has all that the decision needs. So any process
may decide, also one in SQL (the view `agent_flows_scale`), and a decision that nobody carries out
changes no later one.
"""

import math
from dataclasses import dataclass

UTILISATION = 0.8  # of a consumer's time: it keeps up with bursts in the rest
# A fraction of a consumer that is not worth one, as in Kubernetes' HorizontalPodAutoscaler.
TOLERANCE = 0.1
# At one look at most twofold, or this many more: the HorizontalPodAutoscaler's default as well.
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class ScaleBounds:
    """From `least` to `most` consumers.

    A backlog should drain within `target` seconds. What ended within the last `cooldown` seconds keeps
    consumers that exist.
    """

    least: int = 0
    most: int = 8
    target: float = 60.0
    cooldown: float = 300.0


@dataclass(frozen=True, slots=True)
class Load:
    """What a queue has to do, in seconds of work by forecast.

    Args:
        waiting: Work of the items that a consumer could take now.
        lately: Work of the items that ended within the cooldown.
        consumers: Consumers that exist.
        claimed: Consumers among them that hold items.
        pace: Seconds of work that one busy consumer does in a second.
        limit: Seconds of work that a rate limit lets out of the queue in a second.

    """

    waiting: float
    lately: float
    consumers: int
    claimed: int = 0
    pace: float = 1.0
    limit: float = math.inf


def consumers_wanted(load: Load, bounds: ScaleBounds) -> int:
    """How many consumers there should be.

    Existing consumers stay as far as the work of the cooldown would keep them busy, and as many are
    added as drain what waits within the target. It follows:

    - A short lull changes little. After the work has stopped, the number falls evenly over the
      cooldown, and it is 0 no earlier than the cooldown after the last item ended.
    - No consumer that holds items is given up, within `most`.
    - One look at most doubles the number or adds AT_ONCE, whatever the forecasts say.
    - A queue with a rate limit gets no more than its rate can feed.
    """
    steady = load.lately / (bounds.cooldown * load.pace * UTILISATION)
    kept = min(float(load.consumers), steady)
    needed = min(kept + load.waiting / (load.pace * bounds.target), load.limit / load.pace)
    grown = max(2 * load.consumers, load.consumers + AT_ONCE)
    wanted = grown if needed >= grown else math.ceil(needed - TOLERANCE)
    if load.waiting > 0 or (load.consumers > 0 and load.lately > 0):
        wanted = max(wanted, 1)
    return min(bounds.most, max(bounds.least, load.claimed, wanted))


@dataclass(frozen=True, slots=True)
class Pace:
    """What busy consumers did lately: `items` in `seconds`, and the `work` of those with a forecast.

    It is measured, since a consumer works on many items at once: how many depends on its agents. Errors
    that all forecasts have in common are part of it, so that they cancel out.
    """

    seconds: float
    items: float
    forecasts: float
    work: float

    @property
    def mean(self) -> float:
        """Seconds of work of an item without a forecast: as the others, and 1 if none has one."""
        return self.work / self.forecasts if self.forecasts and self.work > 0 else 1.0

    @property
    def of_consumer(self) -> float:
        """Seconds of work that one busy consumer does in a second."""
        return self.items * self.mean / self.seconds


UNKNOWN_PACE = Pace(1.0, 1, 0, 0.0)
"""Before anything was measured: a consumer does one item at a time."""

REMEMBERED = 300.0  # busy seconds of consumers that a pace is made of


def remembered(known: Pace | None, new: Pace, *, busy: bool) -> Pace:
    """The pace after a measurement; a new measurement counts more than earlier ones.

    A consumer that was not `busy` all the time could have done more. So its measurement may raise the
    pace, and never lowers it.
    """
    if known is None:
        return new
    if not busy and _work_a_second(new, known) <= known.of_consumer:
        return known
    kept = max(0.0, min(1.0, (REMEMBERED - new.seconds) / known.seconds))
    return Pace(
        known.seconds * kept + new.seconds,
        known.items * kept + new.items,
        known.forecasts * kept + new.forecasts,
        known.work * kept + new.work,
    )


def _work_a_second(new: Pace, known: Pace) -> float:
    mean = new.mean if new.forecasts else known.mean
    return new.items * mean / new.seconds
