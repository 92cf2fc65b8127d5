"""The explanation of a forecast in words, for the terminal and the UI."""

from collections.abc import Iterator

from agents.runtime.forecast_registry import AgentExplained, Explained
from agents.runtime.model.forecast import Expected
from agents.runtime.scheduling.eta import duration

MOST_AGENTS = 4


def forecast_lines(found: Explained) -> list[str]:
    """What is expected, how sure that is, and from what: one line each."""
    return [
        f"expected work: {span(found.total)}",
        *(f"  {one.agent}: {_agent(one)}" for one in found.agents[:MOST_AGENTS]),
        *_model(found),
    ]


def span(expected: Expected) -> str:
    """The median and the 90th percentile: `12 s, 9 of 10 within 40 s`."""
    return f"{duration(expected.p50)}, 9 of 10 within {duration(expected.p90)}"


def _agent(one: AgentExplained) -> str:
    if not one.by:
        return span(one.expected)
    matters = ", ".join(f"{name} {share:.0%}" for name, share in one.matters)
    why = f"{one.by} of about {one.outcomes:,} earlier outcomes"
    return f"{span(one.expected)} ({why}{'; by ' + matters if matters else ''})"


def _model(found: Explained) -> Iterator[str]:
    card = found.card
    if card is None:
        yield f"forecast by model {found.model}, which is no longer in the registry"
        return
    yield (
        f"forecast by model {found.model}: of later outcomes {card.coverage:.0%} ended within "
        f"9 of 10, and {card.concordance:.0%} of pairs came in the forecast order"
    )
