"""Tables that others publish in packages: a contract of a few lines leads each to a published dataset."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from agents.analysis.modelling.registry import Models
from agents.analysis.study_store import StudyStore
from agents.runtime.settings import settings
from flows.data_analysis import analyse

pytestmark = pytest.mark.slow

PENGUINS = """
name: penguins
time: laid
key: [study, sample, species]
missing: [NA]
columns:
  study: {type: text, named: studyName, required: true}
  sample: {type: integer, named: Sample Number, required: true}
  species: {type: text, named: Species, required: true}
  laid: {type: time, named: Date Egg, required: true}
  island: {type: text, named: Island, one_of: [Torgersen, Biscoe, Dream]}
  sex: {type: text, named: Sex, one_of: [MALE, FEMALE]}
  bill: {type: number, named: Culmen Length (mm), unit: mm, low: 20, high: 80}
  mass: {type: number, named: Body Mass (g), unit: g, low: 1000, high: 10000}
"""
STOCKS = """
name: stocks
time: at
key: [symbol, at]
columns:
  symbol: {type: text, required: true, one_of: [MSFT, AMZN, IBM, GOOG, AAPL]}
  at: {type: time, named: date, required: true, format: "%b %d %Y", zone: America/New_York}
  price: {type: number, unit: dollars, low: 0, required: true}
"""
OHLC = """
name: ohlc
time: at
key: [at]
columns:
  at: {type: time, named: date, required: true}
  open: {type: number, unit: dollars}
  high: {type: number, unit: dollars}
  low: {type: number, unit: dollars}
  close: {type: number, unit: dollars}
checks: [high >= low, high >= open, high >= close, low <= open, low <= close]
"""
TEMPERATURES = """
name: temperatures
time: at
key: [at]
columns:
  at: {type: time, named: date, required: true, format: "%Y/%m/%d %H:%M", zone: Etc/GMT+8}
  temp: {type: number, unit: °F, low: -40, high: 130}
features: {lags: [24], means: [24], known_after: 12}
"""
TABLES = {
    "penguins": ("palmerpenguins", "data/penguins-raw.csv", PENGUINS, "", 344),
    "stocks": ("vega_datasets", "_data/stocks.csv", STOCKS, "", 560),
    "ohlc": ("vega_datasets", "_data/ohlc.json", OHLC, "", 44),
    "temperatures": ("vega_datasets", "_data/seattle-temps.csv", TEMPERATURES, "temp", 8_759),
}


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path / "data"))
    settings.cache_clear()


@pytest.mark.parametrize("name", TABLES)
async def test_it_becomes_a_published_dataset(name: str, tmp_path: Path) -> None:
    package, file, contract, target, rows = TABLES[name]
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / file
    (tmp_path / "contract.yaml").write_text(contract, encoding="utf-8")
    report = await analyse.fn((str(path),), str(tmp_path / "contract.yaml"), target)
    (source,) = report.sources
    assert (source.rows, source.good, source.rules) == (rows, rows, {})
    assert (report.status(), report.failures) == (0, {})
    if target:
        registry = Models(StudyStore(name).folder).read()
        champion = registry.cards[registry.champion]
        assert champion.r2 is not None
        assert champion.r2.low > 0.7
        assert champion.unit == "°F"
