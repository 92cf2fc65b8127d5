"""How often a message is taken for a yes: the gold set's, and the utterances of others where there is a file.

The file is CSV with the columns `utterance` and `intent`; of it count the intents yes, no and maybe, such as
those of CLINC150 (Larson et al., An Evaluation Dataset for Intent Classification and Out-of-Scope Prediction,
2019, https://github.com/clinc/oos-eval). No way to agree was written from it, but its figures were in sight while
ways were added.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from agents.support.evaluation.gold import intents
from agents.support.evaluation.public import files, read
from agents.support.understanding.consent import verdict

KINDS = ("yes", "no", "maybe")
GOLD = {"affirm": "yes", "deny": "no"}


def measured_consents(path: str) -> dict[str, float]:
    """The share of each kind that is taken for a yes: of the gold set, and of the file if there is one.

    An empty `path` means the file's usual place, where it may be missing. Raises NoUtterances.
    """
    gold = [(text, GOLD[name]) for text, name, _ in intents() if name in GOLD]
    figures = {f"gold_{name}": value for name, value in taken_for_yes(gold).items()}
    said = [one for file in files(path) for one in read(file)]
    return figures | dict(
        taken_for_yes([(one.text, one.intent) for one in said if one.intent in KINDS])
    )


def taken_for_yes(said: Sequence[tuple[str, str]]) -> Mapping[str, float]:
    """For each kind of sentences the share that a question of a cancellation takes for a yes."""
    taken = defaultdict[str, list[bool]](list)
    for text, kind in said:
        taken[kind].append(verdict(text, "cancel_order", "A100") == "yes")
    return {f"{kind}_as_yes": sum(found) / len(found) for kind, found in taken.items()}
