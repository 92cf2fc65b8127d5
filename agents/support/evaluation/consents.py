"""How often a message is taken for a yes: the gold set's, and the utterances of others where there is a file.

The file is CSV with the columns `utterance` and `intent`; of it count the intents yes, no and maybe, such as
those of CLINC150 (Larson et al., An Evaluation Dataset for Intent Classification and Out-of-Scope Prediction,
2019, https://github.com/clinc/oos-eval). Nothing is learnt from it.
"""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from agents.runtime.errors import AgentError
from agents.runtime.settings import ROOT
from agents.support.evaluation.gold import intents
from agents.support.understanding.consent import verdict

FILE = ROOT.parent / "shared" / "data" / "utterances_clinc.csv"
KINDS = ("yes", "no", "maybe")
GOLD = {"affirm": "yes", "deny": "no"}


class NoUtterances(AgentError):
    """The file of utterances cannot be read."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}; give a CSV file with the columns utterance and intent"


def measured_consents(path: str) -> dict[str, float]:
    """The share of each kind that is taken for a yes: of the gold set, and of the file if there is one.

    An empty `path` means the file's usual place, where it may be missing. Raises NoUtterances.
    """
    gold = [(text, GOLD[name]) for text, name, _ in intents() if name in GOLD]
    figures = {f"gold_{name}": value for name, value in taken_for_yes(gold).items()}
    if path or FILE.is_file():
        figures |= taken_for_yes(read(Path(path or FILE)))
    return figures


def taken_for_yes(said: Sequence[tuple[str, str]]) -> Mapping[str, float]:
    """For each kind of sentences the share that a question of a cancellation takes for a yes."""
    taken = defaultdict[str, list[bool]](list)
    for text, kind in said:
        taken[kind].append(verdict(text, "cancel_order", "A100") == "yes")
    return {f"{kind}_as_yes": sum(found) / len(found) for kind, found in taken.items()}


def read(path: Path) -> list[tuple[str, str]]:
    """Each utterance of the file with its kind. Raises NoUtterances."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = [(row["utterance"], row["intent"]) for row in csv.DictReader(lines)]
    except (OSError, KeyError, ValueError) as error:
        raise NoUtterances(str(path), f"{type(error).__name__} {error}") from error
    return [row for row in rows if row[1] in KINDS]
