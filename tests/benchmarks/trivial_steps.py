"""The order that each engine processes, and the names of its five steps."""

from dataclasses import dataclass

STEPS = ("validate", "reserve", "charge", "ship", "notify")
BATCH = 512  # the largest: a task run costs the same for any number of items
WARM_UP = 512  # orders before those that are timed


@dataclass(frozen=True, slots=True)
class Doc:
    """An order's document; the trail names the agents that it has passed."""

    id: int
    sku: str
    qty: int
    cents: int
    trail: tuple[str, ...] = ()

    def after(self, name: str) -> "Doc":
        """The document with one more agent on its trail."""
        return Doc(self.id, self.sku, self.qty, self.cents, (*self.trail, name))


def document(number: int) -> Doc:
    """The order with this number."""
    return Doc(number, f"sku-{number % 97}", number % 5 + 1, 1999 + number)
