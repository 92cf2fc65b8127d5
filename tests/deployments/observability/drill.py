"""A fault drill: two real scrapes, before a fault and during it, and the alerts that fire by them.

The processes are found and scraped as Prometheus does it. Minutes and hours are left to promtool, which
runs the generated rules: all is well for `WELL` minutes as in the first scrape, then the fault lasts for
as long. A gauge stays as it was scraped, and a counter goes on to grow by what it grew between the two
scrapes, which count as a minute apart.
"""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from agents.runtime.context import Runtime
from agents.runtime.journal.database import Database
from agents.runtime.monitor import Monitor
from agents.runtime.settings import Settings
from deployments.observability.__main__ import HERE
from deployments.observability.alert import PREFIX

PROMTOOL = shutil.which("promtool")
WELL = 80  # minutes: longer than any alert waits and any rule looks back
OURS = "agent_flows_"
COUNTERS = ("counter", "histogram")

Test = Callable[..., Coroutine[Any, Any, None]]
Labels = tuple[tuple[str, str], ...]
Series = tuple[str, Labels]


@dataclass(slots=True)
class Scrape:
    """The values of series at one time, and which of them are counters."""

    values: dict[Series, float] = field(default_factory=dict)
    counters: set[Series] = field(default_factory=set)

    def read(self, text: str, target: dict[str, str]) -> None:
        """Add what one process exports, with the labels of its target."""
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if not sample.name.startswith(OURS) or sample.name.endswith("_created"):
                    continue
                series = sample.name, tuple(sorted((sample.labels | target).items()))
                self.values[series] = sample.value
                if family.type in COUNTERS:
                    self.counters.add(series)

    def total(self, name: str) -> float | None:
        """The sum of a metric over all labels and processes; None if nobody exports it."""
        found = [value for (series, _), value in self.values.items() if series == name]
        return sum(found) if found else None


async def scrape(*folders: Path) -> Scrape:
    """What the processes export whose files are in these data folders; one that is gone exports nothing."""
    found = Scrape()
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        for file in sorted(path for one in folders for path in one.glob("metrics/*.json")):
            for group in json.loads(await asyncio.to_thread(file.read_text, "utf-8")):
                for target in group["targets"]:
                    try:
                        answer = await client.get(f"http://{target}/metrics")
                    except httpx.ConnectError:
                        continue
                    found.read(answer.text, {"instance": target, **group["labels"]})
    return found


def check(well: Scrape, fault: Scrape, expected: Iterable[str], folder: Path) -> None:
    """Assert that before the fault no alert fires, and during it these alerts do and no others."""
    series = sorted({*well.values, *fault.values})
    names = [PREFIX + word for word in sorted(expected)]
    firing = 'ALERTS{alertstate="firing"}'
    test = {
        "interval": "1m",
        "input_series": [
            {"series": _named(one), "values": _values(well, fault, one)} for one in series
        ],
        "promql_expr_test": [
            _expects(f"group by (alertname) ({firing})", WELL - 1, ()),
            _expects(
                f"group by (alertname) (max_over_time({firing}[{WELL}m]))", 2 * WELL - 1, names
            ),
        ],
    }
    rules = str(HERE / "prometheus" / "rules.yaml")
    content = {"rule_files": [rules], "evaluation_interval": "1m", "tests": [test]}
    path = folder / "drill.yaml"
    path.write_text(json.dumps(content), "utf-8")  # JSON is YAML, and much quicker to write
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, "test", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _expects(expr: str, minute: int, alerts: Sequence[str]) -> dict[str, Any]:
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in alerts]
    return {"expr": expr, "eval_time": f"{minute}m", "exp_samples": samples}


def _named(series: Series) -> str:
    name, labels = series
    return f"{name}{{{','.join(f'{key}={json.dumps(value)}' for key, value in labels)}}}"


def _values(well: Scrape, fault: Scrape, series: Series) -> str:
    before, during = well.values.get(series), fault.values.get(series)
    first = f"_x{WELL}" if before is None else _constant(before)
    if during is None:
        return f"{first} stale"
    if series in fault.counters and (grown := during - (before or 0.0)):
        return f"{first} {during:.17g}+{grown:.17g}x{WELL - 1}"
    return f"{first} {_constant(during)}"


def _constant(value: float) -> str:
    return " ".join([f"{value:.17g}"] * WELL)


FAULTS: dict[str, frozenset[str]] = {}
"""The alerts that each test of a fault fires, by the name of the test."""


def fires(*words: str) -> Callable[[Test], Test]:
    """Say which alerts the fault of a test fires, and no others."""

    def note(test: Test) -> Test:
        FAULTS[test.__name__] = frozenset(words)
        return test

    return note


@dataclass(slots=True)
class Drill:
    """The drill of one test: `expected` are the alerts that its fault fires.

    `exported` is the data folder of the processes to scrape, and `folder` the test's own. One process
    of the test reads the journal.
    """

    expected: frozenset[str]
    exported: Path
    folder: Path
    well: Scrape = field(default_factory=Scrape)
    _monitor: Monitor | None = None

    async def look(self, settings: Settings, database: Database) -> None:
        """Read the journal now, as each process does every few seconds."""
        self._monitor = self._monitor or Monitor(settings, database)
        await self._monitor.look()

    async def before(self, opened: Runtime | None = None) -> None:
        """Note how all is well, after a look at this runtime's journal."""
        if opened is not None:
            await self.look(opened.settings, opened.journal.database)
        self.well = await scrape(self.exported)

    async def fires(self, opened: Runtime | None = None) -> None:
        """Assert that the alerts fire by what is exported now, and did not before."""
        if opened is not None:
            await self.look(opened.settings, opened.journal.database)
        assert self.well.values, "nothing is known from before the fault"
        fault = await scrape(self.exported)
        await asyncio.to_thread(check, self.well, fault, self.expected, self.folder)

    async def close(self) -> None:
        """Close what reading the journal has opened."""
        if self._monitor is not None:
            await self._monitor._systems.close()
