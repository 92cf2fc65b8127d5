"""What the end of an item means, and what it takes to know that."""

import subprocess
import sys

from agents.analysis.models import Cleaned
from agents.analysis.scenario import PARTITIONS
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


def test_the_scenarios_are_known_without_loading_tables_or_models() -> None:
    code = (
        "import sys, agents.analysis.scenario; "
        "print({'pandas', 'pyarrow', 'scipy', 'sklearn'} & sys.modules.keys())"
    )
    found = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    assert found == "set()\n"
