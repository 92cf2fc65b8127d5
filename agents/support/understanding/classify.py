"""What somebody wants: a linear model over pieces of words, learnt from the examples that come along.

Characters rather than words, so that English and Chinese need no segmentation and typos cost little.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any, get_args

import yaml
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from agents.support.models import Intent, IntentName, Language, Understood

EXAMPLES = Path(__file__).parent / "examples.yaml"
SEED = 7
FOLDS = 4
SURE, MOST = 0.2, 3
# A word of letters and digits, as order numbers are; ASCII, so that one may stand among Chinese.
ORDER = re.compile(
    r"(?<![\w-])#?((?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9][A-Za-z0-9-]{2,63})(?![\w-])", re.ASCII
)
HAN = re.compile(r"[\u4e00-\u9fff]")
ANGER = re.compile(
    r"\b(?:terrible|awful|useless|scam|ridiculous|furious|worst|lawyer)\b|!{3,}|骗子|垃圾|投诉|太差|气死",
    re.IGNORECASE,
)


def understand(text: str) -> Understood:
    """The intents of a message, the surest first, the orders it names, and whether it is angry."""
    found = _model()
    scores = found.predict_proba([_plain(text)])[0]
    ranked = sorted(zip(scores, found.classes_, strict=True), reverse=True)[:MOST]
    intents = [Intent(name=name, confidence=round(float(p), 4)) for p, name in ranked if p >= SURE]
    return Understood(
        language=language_of(text),
        intents=tuple(intents) or (Intent(name="out_of_scope", confidence=0.0),),
        orders=tuple(dict.fromkeys(ORDER.findall(text))),
        angry=ANGER.search(text) is not None,
    )


def language_of(text: str) -> Language:
    """Chinese if there is any of its script."""
    return "zh" if HAN.search(text) else "en"


@cache
def examples() -> tuple[tuple[str, IntentName], ...]:
    """Every utterance with its intent."""
    told = yaml.safe_load(EXAMPLES.read_text("utf-8"))
    assert told.keys() == set(get_args(IntentName))
    return tuple((text, name) for name, texts in told.items() for text in texts)


@cache
def _model() -> Any:
    texts, names = zip(*examples(), strict=True)
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True)
    linear = CalibratedClassifierCV(LinearSVC(C=2.0, random_state=SEED), cv=FOLDS)
    return make_pipeline(pieces, linear).fit([_plain(text) for text in texts], names)


def _plain(text: str) -> str:
    """Without order numbers, which say nothing of what is wanted."""
    return ORDER.sub(" ", text.lower()).strip()
