"""The counts of a campaign, and for each failed cell the command that repeats it."""

from collections import Counter
from collections.abc import Sequence
from statistics import median, quantiles
from typing import Any

from tests.faults.campaign import CellResult, Plan
from tests.faults.checker import counts_by_kind
from tests.faults.fork_server import BLOCKED


def summary(results: Sequence[CellResult], plan: Plan) -> dict[str, Any]:
    """Return the counts of a campaign, and for each failed cell the command that repeats it."""
    violations = [violation for one in results for violation in one.violations]
    recoveries = sorted(one.recovery_seconds for one in results if one.recovery_seconds is not None)
    replay = (
        f"python -m tests.faults{plan.option} --journal {plan.journal} --seed {plan.seed} --cell"
    )
    return {
        "journal": plan.journal,
        "seed": plan.seed,
        "cells": len(results),
        "kinds": dict(Counter(one.cell.kind for one in results)),
        "kills": sum(one.kills for one in results),
        "stops": sum(one.stopped for one in results),
        "starved": sum(one.starved for one in results),
        "blocked": sum(exited.code == BLOCKED for one in results for exited in one.runs),
        "cells_undisturbed": sum(one.last_fault_at is None for one in results),
        **counts_by_kind(violations),
        "violations": sum(bool(one.violations) for one in results),
        "recovery_median_s": round(median(recoveries), 3) if recoveries else None,
        "recovery_p99_s": _p99(recoveries),
        "replay": sorted({f"{replay} '{one.cell}'" for one in results if one.violations}),
    }


def _p99(values: list[float]) -> float | None:
    if len(values) < 2:
        return round(values[0], 3) if values else None
    return round(quantiles(values, n=100, method="inclusive")[-1], 3)
