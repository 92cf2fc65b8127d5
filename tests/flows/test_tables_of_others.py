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
steady: [{columns: temp}]
"""
CO2 = """
name: co2
time: at
key: [at]
columns:
  at: {type: time, named: date, required: true, format: "%Y%m%d"}
  co2: {type: number, unit: ppm, low: 250, high: 500}
gaps: {every: 604800}
features: {lags: [168, 336, 8736], known_after: 24}
"""
GLUCOSE = """
name: glucose
time: at
columns:
  at: {type: time, named: datetime, required: true, format: "%Y-%m-%d %H:%M:%S"}
  isig: {type: number, unit: nA, low: 0, missing: nil}
  glucose: {type: integer, unit: mg/dl, required: true, low: 40, high: 400}
unknown: freeze
"""
LINCOLN = """
name: lincoln
time: day
key: [station, day]
columns:
  station: {type: text, named: STATION, required: true, pattern: "USW[0-9]{8}"}
  place: {type: text, named: NAME, required: true}
  day: {type: time, named: DATE, required: true, zone: America/Chicago}
  high: {type: number, named: TMAX, unit: °F, low: -60, high: 130}
  low: {type: number, named: TMIN, unit: °F, low: -60, high: 130}
checks: [high >= low]
dependencies: [{by: station, same: place}]
gaps: {every: 86400, by: [station]}
steady: [{columns: [high, low], by: station}]
"""
SEA = """
name: sea
time: at
key: [at]
wins: last
columns:
  at: {type: time, named: "time (UTC)", required: true}
  temp: {type: number, named: "temperature (celsius)", unit: °C, low: -2, high: 35}
features: {lags: [24], means: [24], known_after: 12}
steady: [{columns: temp}]
"""
TABLES = {
    "penguins": ("palmerpenguins", "data/penguins-raw.csv", PENGUINS, "", 344),
    "stocks": ("vega_datasets", "_data/stocks.csv", STOCKS, "", 560),
    "ohlc": ("vega_datasets", "_data/ohlc.json", OHLC, "", 44),
    "temperatures": ("vega_datasets", "_data/seattle-temps.csv", TEMPERATURES, "temp", 8_759),
    "co2": ("statsmodels", "datasets/co2/co2.csv", CO2, "co2", 2_284),
    "glucose": ("bokeh_sampledata", "_data/CGM.csv.gz", GLUCOSE, "", 52_281),
    "lincoln": ("bokeh_sampledata", "_data/lincoln_weather.csv", LINCOLN, "", 366),
    "sea": ("bokeh_sampledata", "_data/sea_surface_temperature.csv.gz", SEA, "temp", 19_226),
}
ALWAYS = {"penguins", "ohlc", "co2"}  # all others by the campaign
UNITS = {"temperatures": "°F", "co2": "ppm", "sea": "°C"}


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path / "data"))
    settings.cache_clear()


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in ALWAYS else pytest.mark.campaign) for n in TABLES]
)
async def test_it_becomes_a_published_dataset(name: str, tmp_path: Path) -> None:
    package, file, contract, target, rows = TABLES[name]
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / file
    (tmp_path / "contract.yaml").write_text(contract, encoding="utf-8")
    report = await analyse.fn((str(path),), str(tmp_path / "contract.yaml"), target)
    (source,) = report.sources
    assert (source.rows, source.good + source.deduplicated, source.rules) == (rows, rows, {})
    assert (report.status(), report.failures) == (0, {})
    assert [line for line in report.files if " since " in line] == [], (
        "nothing has changed in these"
    )
    if target:
        registry = Models(StudyStore(name).folder).read()
        champion = registry.cards[registry.champion]
        assert champion.r2 is not None
        assert champion.r2.low > 0.7
        assert champion.unit == UNITS[name]
