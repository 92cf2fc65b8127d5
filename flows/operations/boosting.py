"""Quantile boosting by LightGBM: trees as plain arrays, which other processes use without the library.

LightGBM is in the extra `forecast`. Its wheel for Linux needs the system's libgomp.
"""

from collections.abc import Sequence
from typing import Any

from agents.runtime.errors import MissingExtra
from agents.runtime.scheduling.boosted import Booster
from agents.runtime.scheduling.trees import Trees

ROUNDS = 80
SETTINGS = {
    "objective": "quantile",
    "num_leaves": 15,
    "max_depth": 6,
    "learning_rate": 0.1,
    "min_data_in_leaf": 20,
    "verbose": -1,
    # Forecasts never have a missing number, and the same rows give the same trees.
    "use_missing": False,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "seed": 7,
}


def lightgbm() -> Booster:
    """The booster. Raises MissingExtra if LightGBM is not installed, or finds no libgomp."""
    try:
        import lightgbm as library  # noqa: PLC0415 - takes a second to load
    except (ImportError, OSError):
        raise MissingExtra("forecast") from None
    import numpy as np  # noqa: PLC0415 - LightGBM has loaded it

    def boost(
        rows: Sequence[Sequence[float]], targets: Sequence[float], quantile: float
    ) -> tuple[Trees, Sequence[float]]:
        data = library.Dataset(np.asarray(rows, dtype=float), np.asarray(targets, dtype=float))
        booster = library.train(SETTINGS | {"alpha": quantile}, data, ROUNDS)
        shares = booster.feature_importance("gain").tolist()
        return _trees(booster.dump_model()["tree_info"]), shares

    return boost


def _trees(stored: Sequence[dict[str, Any]]) -> Trees:
    """The trees as LightGBM dumps them, as arrays."""
    nodes, roots = list[_Node](), list[int]()
    deepest = 0
    for one in stored:
        roots.append(len(nodes))
        deepest = max(deepest, _add(nodes, one["tree_structure"]))
    feature, threshold, left, right, value = map(list, zip(*nodes, strict=True))
    return Trees(feature, threshold, left, right, value, roots, deepest)


_Node = tuple[int, float, int, int, float]  # feature, threshold, left, right, value


def _add(nodes: list[_Node], stored: dict[str, Any]) -> int:
    """Append a node and those below it; returns how many levels are below it."""
    here = len(nodes)
    nodes.append((0, 0.0, here, here, float(stored.get("leaf_value", 0.0))))
    if "split_feature" not in stored:
        return 0
    depth = _add(nodes, stored["left_child"])
    right = len(nodes)
    depth = max(depth, _add(nodes, stored["right_child"]))
    nodes[here] = (int(stored["split_feature"]), float(stored["threshold"]), here + 1, right, 0.0)
    return depth + 1
