"""The word for the end of an item, and what the scenarios load."""

import subprocess
import sys

import orjson

from agents.analysis.modelling.registry import Models
from agents.analysis.models import Cleaned, Dataset
from agents.analysis.scenario import CANDIDATES, COMPARISONS, PARTITIONS
from agents.analysis.select_model import select_model
from agents.runtime.model.item import Item
from agents.runtime.model.lifecycle import State
from agents.runtime.settings import ROOT

CLEANED = Cleaned(
    rows=3, good=2, quarantined=1, deduplicated=0, rules={"n: type": 1}, discarded={}, part="p",
    sha256="0" * 64,
)  # fmt: skip


def item(*facts: object) -> Item:
    ended = Item(1, "t", "partitions", "k", 1, State.COMPLETED, "trace", None)
    for fact in facts:
        ended.learn(fact)
    return ended


def test_a_partition_is_clean_or_refused() -> None:
    assert PARTITIONS.outcome(item(CLEANED)) == "clean"
    assert PARTITIONS.outcome(item()) == "refused"
    assert PARTITIONS.metrics(item(CLEANED))["quarantined"] == 1
    assert PARTITIONS.metrics(item()) == {}


def test_the_scenarios_load_neither_pandas_nor_scikit_learn() -> None:
    code = (
        "import sys, agents.analysis.scenario; "
        "print({'pandas', 'pyarrow', 'scipy', 'sklearn'} & sys.modules.keys())"
    )
    found = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    assert found == "set()\n"


# As releases before 1.1 of the comparisons stored them.
STUDY = {
    "name": "x",
    "sources": [
        {
            "contract": {"name": "x", "time": "at", "columns": {"at": {"type": "time"}}},
            "locations": ["x.csv"],
        }
    ],
}
PART = {"source": "x", "name": "a", "file": "clean/x/a/part.parquet", "rows": 1, "sha256": "0" * 64}
TRAINING = {"study": STUDY, "candidate": "trees", "data": "0" * 64, "parts": [PART], "seed": 7}
SOURCE = {
    "source": "x", "partitions": 1, "refused": 0, "rows": 1, "good": 1, "quarantined": 0,
    "deduplicated": 0, "rules": {}, "discarded": {}, "gaps": 0,
}  # fmt: skip
COMPARISON = {
    "training": TRAINING,
    "candidates": [{"version": "v", "candidate": "trees"}],
    "champion": "",
    "sources": [SOURCE],
}
CHANGE = {"version": "v", "what": "promoted", "why": "gain over the baseline", "by": "gate"}
SELECTED = {
    "best": "v",
    "change": CHANGE,
    "against": {"value": 2.0, "low": 1.0, "high": 3.0},
    "drifts": [{"feature": "price", "psi": 0.5, "p": 0.001}],
}
CARD = {
    "version": "v", "study": "x", "candidate": "trees", "target": "y", "data": "d", "code": "c",
    "seed": 7, "learnt": 900, "judged": 300, "since": "2025-01-01", "until": "2025-02-01",
    "mae": SELECTED["against"], "mse": SELECTED["against"], "gain": SELECTED["against"],
    "chosen_by": 1.5, "importance": {"price": 3.0},
}  # fmt: skip


def test_what_earlier_releases_stored_is_read() -> None:
    assert CANDIDATES.read(text(TRAINING), "1").candidate == "trees"
    comparison = COMPARISONS.read(text(COMPARISON), "1")
    assert (comparison.edition, comparison.sources[0].good) == (1, 1)
    selected = select_model.decode(text(SELECTED), "1")
    assert (selected.change.what, selected.drifts[0].is_alarm) == ("promoted", True)
    published = {"study": "x", "folder": "analysis/x", "parts": [PART]}
    assert Dataset.model_validate_json(text(published)).edition == 1
    registry = {"cards": {"v": CARD}, "champion": "v", "before": ["u"], "changes": [CHANGE]}
    assert Models.content.model_validate_json(text(registry)).cards["v"].learnt == 900


def text(value: object) -> str:
    return orjson.dumps(value).decode()
