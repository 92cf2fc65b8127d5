"""Regression trees as plain arrays, so that a process predicts without the library that trained them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

MOST_NODES = 200_000
DEEPEST = 64


@dataclass(frozen=True, eq=False)
class Trees:
    """The sum of the leaves that a row falls into, one in each tree.

    Node n has the index of a feature and a threshold; a row goes to `left[n]` where the feature is at
    most the threshold, else to `right[n]`. A leaf leads to itself. `roots` has one node for each tree.
    """

    feature: Sequence[int]
    threshold: Sequence[float]
    left: Sequence[int]
    right: Sequence[int]
    value: Sequence[float]
    roots: Sequence[int]
    depth: int

    @classmethod
    def load(cls, stored: Mapping[str, Any], features: int) -> "Trees":
        """Trees from JSON. Raises KeyError, TypeError or ValueError if they are not trees.

        `features` is how many features a row has.
        """
        trees = cls(
            [int(one) for one in stored["feature"]],
            *([float(one) for one in stored["threshold"]], [int(one) for one in stored["left"]]),
            *([int(one) for one in stored["right"]], [float(one) for one in stored["value"]]),
            [int(one) for one in stored["roots"]],
            int(stored["depth"]),
        )
        nodes = len(trees.feature)
        columns = (trees.threshold, trees.left, trees.right, trees.value)
        links = (*trees.left, *trees.right, *trees.roots)
        if (
            not 0 < nodes <= MOST_NODES
            or any(len(column) != nodes for column in columns)
            or not all(0 <= link < nodes for link in links)
            or not all(0 <= one < features for one in trees.feature)
            or not 0 <= trees.depth <= DEEPEST
        ):
            raise ValueError("not trees")
        return trees

    def dump(self) -> dict[str, Any]:
        """The trees as JSON."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def predict(self, rows: Sequence[Sequence[float]]) -> list[float]:
        """The sum of the leaves, for each row of features."""
        import numpy as np  # noqa: PLC0415 - order processing loads it only where such a model is used

        feature, threshold, children, value, roots = self._arrays
        table = np.asarray(rows, dtype=float)
        first = (np.arange(len(rows)) * table.shape[1])[:, None]
        node = np.broadcast_to(roots, (len(rows), len(roots)))
        for _ in range(self.depth):
            values = table.ravel().take(first + feature.take(node))
            node = children.take(2 * node + (values > threshold.take(node)))
        found: list[float] = value.take(node).sum(axis=1).tolist()
        return found

    @cached_property
    def _arrays(self) -> tuple[Any, ...]:
        """Features, thresholds, the children left and right of each node, values, and roots."""
        import numpy as np  # noqa: PLC0415 - the same

        children = np.stack([np.asarray(self.left), np.asarray(self.right)], axis=1).ravel()
        arrays = (np.asarray(one) for one in (self.feature, self.threshold))
        return *arrays, children, np.asarray(self.value), np.asarray(self.roots)
