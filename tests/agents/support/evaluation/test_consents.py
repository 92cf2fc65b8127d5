"""The share of sentences that are taken for a yes, with and without the file of others."""

from pathlib import Path

import pytest

from agents.support.evaluation import public
from agents.support.evaluation.consents import measured_consents
from agents.support.evaluation.public import NoUtterances


def test_a_file_is_measured_beside_the_gold_set(tmp_path: Path) -> None:
    path = tmp_path / "said.csv"
    path.write_text(
        'utterance,intent\n"sure, go ahead",yes\nabsolutely not,no\nI might,maybe\nok,maybe\nx,other\n'
    )
    figures = measured_consents(str(path))
    assert (figures["yes_as_yes"], figures["no_as_yes"], figures["maybe_as_yes"]) == (1.0, 0.0, 0.5)
    assert figures["gold_no_as_yes"] == 0.0
    assert figures["gold_yes_as_yes"] > 0.5


def test_it_works_without_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public, "FOLDER", tmp_path)
    assert measured_consents("").keys() == {"gold_yes_as_yes", "gold_no_as_yes"}


def test_a_file_that_is_named_has_to_be_there_and_to_have_its_columns(tmp_path: Path) -> None:
    with pytest.raises(NoUtterances, match="columns utterance and intent"):
        measured_consents(str(tmp_path / "none.csv"))
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(NoUtterances, match="KeyError"):
        measured_consents(str(tmp_path / "other.csv"))
