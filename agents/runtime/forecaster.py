"""Forecasts at acceptance, by the promoted models of this data folder: one of durations, and one for each cost.

A model is a file, read in a thread when the runtime opens and when another one is promoted. Without a
model, or with one that cannot be read, items have no forecast; accepting them never fails for that.
All tenants share a model: what it knows of other tenants is how long their items took, as quantiles
and means, and nothing of their content.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agents.runtime.clock import clock
from agents.runtime.forecast_registry import FOLDER, Forecasts, cost_models
from agents.runtime.journal.calibration import calibration, cost_calibrations
from agents.runtime.journal.database import Database
from agents.runtime.journal.durations import Completed, waiting_counts
from agents.runtime.metrics import CALIBRATION, COST, COST_CALIBRATION, COST_RATIO
from agents.runtime.model.forecast import Forecast
from agents.runtime.model.scenario import Scenario
from agents.runtime.model.upcasting import Unreadable
from agents.runtime.model_registry import FILE
from agents.runtime.scheduling.features import (
    HOUR,
    LOAD,
    SIZE,
    Example,
    Features,
    features,
    hour_of,
)
from agents.runtime.scheduling.forecasting import Model
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

ONLY_COSTS = Forecast(None, {}, "", None)
LOOK_SECONDS = 10.0  # between two looks for another model, and two counts of what waits
CALIBRATE_SECONDS = 60.0  # between two comparisons with what completed
CALIBRATED_ON, LEAST_CALIBRATED = 200, 20  # items of a scenario, the newest


class Promoted:
    """The promoted model of a registry, which is read again when another one is promoted."""

    def __init__(self, models: Forecasts | None) -> None:
        self.models, self.model, self.version = models, Model(), ""
        self._seen: tuple[int, int] | None = None

    def is_another(self) -> bool:
        """Whether the registry has changed since it was read."""
        if self.models is None:
            return False
        try:
            status = (self.models.folder / FILE).stat()
        except OSError:
            return False
        return (status.st_mtime_ns, status.st_size) != self._seen

    def read(self) -> None:
        """Read the model if it is another one. What cannot be read is ignored, and the one before stays."""
        try:
            if self.models is not None and self.is_another():
                self._read(self.models)
        except (OSError, ValueError) as error:
            log.warning("a forecasting model is ignored", reason=f"{type(error).__name__}: {error}")

    def _read(self, models: Forecasts) -> None:
        status = (models.folder / FILE).stat()
        self._seen = status.st_mtime_ns, status.st_size
        try:
            champion = models.read().champion
        except ValidationError as error:
            raise ValueError(
                f"the registry is not readable: {error.error_count()} errors"
            ) from None
        if champion and champion != self.version:
            self.model, self.version = models.load(champion), champion
            log.info("forecasts are made by another model", model=champion)


class Forecaster:
    """Forecasts the items that this process accepts: how long they take, and what they cost.

    Args:
        folder: The data folder. Without one nothing is forecast.
        database: The journal's, for what waits at the moment.

    """

    def __init__(self, folder: Path | None = None, database: Database | None = None) -> None:
        self.durations = Promoted(Forecasts(folder / FOLDER) if folder else None)
        self.costs: dict[str, Promoted] = {}
        self._folder, self._database = folder, database
        self._waiting: Mapping[str, int] = {}
        self._next = self._calibrate_next = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Read the promoted models, if there are any."""
        if self._is_due():
            await self._look()
        self._next = clock().monotonic() + LOOK_SECONDS

    async def close(self) -> None:
        """Stop looking for other models."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def forecasts(
        self, scenario: Scenario, tenant: str, new: Sequence[tuple[str, Any]]
    ) -> Sequence[Forecast | None]:
        """The forecasts of items about to be accepted, each given as body and payload; never raises."""
        self._look_if_due()
        costs = {n: one for n, one in self.costs.items() if scenario.name in one.model.visits}
        if scenario.name not in self.durations.model.visits and not costs:
            return [None] * len(new)
        try:
            return self._forecasts(self._features(scenario, tenant, new), costs)
        except Exception:
            log.exception("no forecasts: the model fails", model=self.durations.version)
            return [None] * len(new)

    def _forecasts(
        self, items: Sequence[Features], costs: Mapping[str, Promoted]
    ) -> Sequence[Forecast | None]:
        """The forecasts of durations, with those of the costs where there are any."""
        durations: Sequence[Forecast | None] = self.durations.model.forecasts(
            items, self.durations.version
        )
        if not costs:
            return durations
        known = {name: one.model.forecasts(items, one.version) for name, one in costs.items()}
        return [
            replace(
                one or ONLY_COSTS,
                costs={name: cost for name, found in known.items() if (cost := found[number])},
            )
            for number, one in enumerate(durations)
        ]

    def _features(
        self, scenario: Scenario, tenant: str, new: Sequence[tuple[str, Any]]
    ) -> list[Features]:
        """The features of each; those of items that differ in nothing else are made once."""
        numbers = {HOUR: hour_of(clock().time()), LOAD: self._waiting.get(scenario.name, 0)}
        models = [self.durations.model, *(one.model for one in self.costs.values())]
        only = set().union(*(model.used(scenario.name) for model in models))
        known, found = dict[Any, Features](), []
        for body, payload in new:
            size, declared = len(body), _declared(scenario, payload)
            same = (size, *declared.items())
            here = known.get(same)
            if here is None:
                here = features(
                    scenario.name, tenant, declared=declared, only=only, **numbers, **{SIZE: size}
                )
                known[same] = here
            found.append(here)
        return found

    def _look_if_due(self) -> None:
        now = clock().monotonic()
        if now < self._next or (self._looking is not None and not self._looking.done()):
            return
        self._next = now + LOOK_SECONDS
        if self.durations.version or self.costs or self._is_due():
            self._looking = asyncio.create_task(self._look())

    def _is_due(self) -> bool:
        """Whether there is a model to read."""
        if self._folder is None:
            return False
        return self.durations.is_another() or bool(cost_models(self._folder).keys() - self.costs)

    async def _look(self) -> None:
        """Read the promoted models if they are others, and count what waits."""
        try:
            await asyncio.to_thread(self._read)
            if self._database is not None:
                models = [self.durations.model, *(one.model for one in self.costs.values())]
                scenarios = {scenario for model in models for scenario in model.visits}
                self._waiting = await waiting_counts(self._database, sorted(scenarios))
                await self._calibrate(self._database)
        except Exception:
            log.exception("what waits is not counted for forecasts")

    async def _calibrate(self, database: Database) -> None:
        """Set the metrics of how right the forecasts of each scenario were."""
        now = clock().monotonic()
        if now < self._calibrate_next:
            return
        self._calibrate_next = now + CALIBRATE_SECONDS
        for scenario in self.durations.model.visits:
            found = await calibration(database, scenario, CALIBRATED_ON)
            if found.items >= LEAST_CALIBRATED:
                CALIBRATION.labels(scenario).set(found.under_p90)
        for scenario in sorted({name for one in self.costs.values() for name in one.model.visits}):
            await self._calibrate_costs(database, scenario)

    async def _calibrate_costs(self, database: Database, scenario: str) -> None:
        """Set the metrics of how right the forecasts of the scenario's costs were."""
        costs = await cost_calibrations(database, scenario, CALIBRATED_ON)
        for resource in sorted(costs.keys() & self.costs)[: COST.most]:
            found = costs[resource]
            if found.items < LEAST_CALIBRATED:
                continue
            COST_CALIBRATION.labels(scenario, resource).set(found.under_p90)
            if found.expected:
                COST_RATIO.labels(scenario, resource).set(found.seconds / found.expected)

    def _read(self) -> None:
        self.durations.read()
        new = cost_models(self._folder) if self._folder else {}
        costs = self.costs | {n: Promoted(one) for n, one in new.items() if n not in self.costs}
        for promoted in costs.values():
            promoted.read()
        self.costs = costs


def features_of(  # noqa: PLR0913 - the parts of an item when it is accepted
    scenario: Scenario,
    tenant: str,
    body: str,
    payload: Any,
    *,
    at: float,
    load: int,
) -> Features:
    """The features of an item.

    If its scenario cannot say any, its length, the hour and the load are left.
    """
    numbers = {SIZE: len(body), HOUR: hour_of(at), LOAD: load}
    declared = _declared(scenario, payload)
    return features(scenario.name, tenant, declared=declared, only=None, **numbers)


def examples_of(scenario: Scenario, items: Sequence[Completed]) -> list[Example]:
    """What is learned from completed items of the scenario, with their features when they were accepted.

    The load is how many of these items were accepted and had not ended then.
    """
    return [
        Example(here, one.agent, one.seconds, one.at, item.row.id, one.version)
        for item, here in _with_features(scenario, items)
        for one in item.durations
    ]


def costs_of(scenario: Scenario, items: Sequence[Completed]) -> dict[str, list[Example]]:
    """By resource, what is learned of costs from those of the completed items whose agents said them."""
    found = defaultdict[str, list[Example]](list)
    for item, here in _with_features(scenario, items):
        for one in item.durations:
            for name, amount in one.used.items():
                found[name].append(
                    Example(here, one.agent, amount, one.at, item.row.id, one.version)
                )
    return dict(found)


def _with_features(
    scenario: Scenario, items: Sequence[Completed]
) -> Iterator[tuple[Completed, Features]]:
    changes = sorted((at, by) for item in items for at, by in _times(item))
    loads, load = dict[float, int](), 0
    for at, by in changes:
        load += by
        loads[at] = load
    for item in items:
        row = item.row
        try:
            payload = scenario.read(row.body, row.version)
        except Unreadable:
            payload = None
        load = max(loads[row.accepted_at] - 1, 0)
        yield (
            item,
            features_of(scenario, row.tenant, row.body, payload, at=row.accepted_at, load=load),
        )


def _declared(scenario: Scenario, payload: Any) -> Mapping[str, float | str]:
    """What the scenario says of an item; nothing if it cannot."""
    try:
        return {} if payload is None else scenario.features(payload)
    except Exception as error:  # noqa: BLE001 - a forecast is never worth an error
        log.debug("no features", scenario=scenario.name, reason=str(error))
        return {}


def _times(item: Completed) -> tuple[tuple[float, int], tuple[float, int]]:
    return (item.row.accepted_at, 1), (item.row.ended_at, -1)
