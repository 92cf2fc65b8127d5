"""Forecasts at acceptance, by the promoted model of this data folder.

The model is a file, read in a thread when the runtime opens and when another one is promoted. Without a
model, or with one that cannot be read, items have no forecast; accepting them never fails for that.
All tenants share the model: what it knows of other tenants is how long their items took, as quantiles
and means, and nothing of their content.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agents.runtime.clock import clock
from agents.runtime.forecast_registry import FOLDER, Forecasts
from agents.runtime.journal.calibration import calibration
from agents.runtime.journal.database import Database
from agents.runtime.journal.durations import Completed, waiting_counts
from agents.runtime.metrics import CALIBRATION
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

LOOK_SECONDS = 10.0  # between two looks for another model, and two counts of what waits
CALIBRATE_SECONDS = 60.0  # between two comparisons with what completed
CALIBRATED_ON, LEAST_CALIBRATED = 200, 20  # items of a scenario, the newest


class Forecaster:
    """Forecasts the items that this process accepts.

    Args:
        folder: The data folder. Without one nothing is forecast.
        database: The journal's, for what waits at the moment.

    """

    def __init__(self, folder: Path | None = None, database: Database | None = None) -> None:
        self.models = Forecasts(folder / FOLDER) if folder else None
        self.version = ""
        self._database, self._model = database, Model()
        self._seen: tuple[int, int] | None = None
        self._waiting: Mapping[str, int] = {}
        self._next = self._calibrate_next = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Read the promoted model, if there is one."""
        if self._registry_changed():
            await self._look()
        self._next = clock().monotonic() + LOOK_SECONDS

    async def close(self) -> None:
        """Stop looking for another model."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def forecasts(
        self, scenario: Scenario, tenant: str, new: Sequence[tuple[str, Any]]
    ) -> Sequence[Forecast | None]:
        """The forecasts of items about to be accepted, each given as body and payload; never raises."""
        self._look_if_due()
        if scenario.name not in self._model.visits:
            return [None] * len(new)
        try:
            return self._model.forecasts(self._features(scenario, tenant, new), self.version)
        except Exception:
            log.exception("no forecasts: the model fails", model=self.version)
            return [None] * len(new)

    def _features(
        self, scenario: Scenario, tenant: str, new: Sequence[tuple[str, Any]]
    ) -> list[Features]:
        """The features of each; those of items that differ in nothing else are made once."""
        numbers = {HOUR: hour_of(clock().time()), LOAD: self._waiting.get(scenario.name, 0)}
        only, known, found = self._model.used(scenario.name), dict[Any, Features](), []
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
        if self.version or self._registry_changed():
            self._looking = asyncio.create_task(self._look())

    def _registry_changed(self) -> bool:
        if self.models is None:
            return False
        try:
            status = (self.models.folder / FILE).stat()
        except OSError:
            return False
        return (status.st_mtime_ns, status.st_size) != self._seen

    async def _look(self) -> None:
        """Read the promoted model if it is another one, and count what waits."""
        try:
            if self.models is not None and self._registry_changed():
                await asyncio.to_thread(self._read, self.models)
            if self._database is not None:
                self._waiting = await waiting_counts(self._database, list(self._model.visits))
                await self._calibrate(self._database)
        except (OSError, ValueError) as error:
            log.warning("a forecasting model is ignored", reason=f"{type(error).__name__}: {error}")
        except Exception:
            log.exception("what waits is not counted for forecasts")

    async def _calibrate(self, database: Database) -> None:
        """Set the metric of how right the forecasts of each scenario were."""
        now = clock().monotonic()
        if now < self._calibrate_next:
            return
        self._calibrate_next = now + CALIBRATE_SECONDS
        for scenario in self._model.visits:
            found = await calibration(database, scenario, CALIBRATED_ON)
            if found.items >= LEAST_CALIBRATED:
                CALIBRATION.labels(scenario).set(found.under_p90)

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
            self._model, self.version = models.load(champion), champion
            log.info("forecasts are made by another model", model=champion)


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
    changes = sorted((at, by) for item in items for at, by in _times(item))
    loads, load = dict[float, int](), 0
    for at, by in changes:
        load += by
        loads[at] = load
    found = []
    for item in items:
        row = item.row
        try:
            payload = scenario.read(row.body, row.version)
        except Unreadable:
            payload = None
        load = max(loads[row.accepted_at] - 1, 0)
        here = features_of(scenario, row.tenant, row.body, payload, at=row.accepted_at, load=load)
        found += [
            Example(here, one.agent, one.seconds, one.at, row.id, one.version)
            for one in item.durations
        ]
    return found


def _declared(scenario: Scenario, payload: Any) -> Mapping[str, float | str]:
    """What the scenario says of an item; nothing if it cannot."""
    try:
        return {} if payload is None else scenario.features(payload)
    except Exception as error:  # noqa: BLE001 - a forecast is never worth an error
        log.debug("no features", scenario=scenario.name, reason=str(error))
        return {}


def _times(item: Completed) -> tuple[tuple[float, int], tuple[float, int]]:
    return (item.row.accepted_at, 1), (item.row.ended_at, -1)
