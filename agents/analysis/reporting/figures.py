"""Figures as people read them: as many digits as mean something, with their interval."""

from agents.runtime.model_registry import Interval

LARGE = 1_000


def amount(value: float) -> str:
    """A number of three digits, or whole from LARGE on."""
    return f"{value:,.0f}" if abs(value) >= LARGE else f"{value:.3g}"


def figure(one: Interval | None) -> str:
    """A figure and its interval; nothing if it was not measured."""
    return f"{amount(one.value)} [{amount(one.low)}, {amount(one.high)}]" if one is not None else ""
