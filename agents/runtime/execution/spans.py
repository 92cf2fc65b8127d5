"""What is traced of items: who works on what, in which span."""

from agents.runtime.model.item import Item
from agents.runtime.telemetry import Work
from agents.runtime.trace_context import TraceContext


def work_on(item: Item, within: TraceContext | None = None) -> Work:
    """The work on an item, within this span or that of its claim."""
    return Work(item.key, item.trace, within or item.traced, item.tenant, item.scenario)
