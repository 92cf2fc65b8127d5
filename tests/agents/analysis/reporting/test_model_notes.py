"""A terminal has the champion's figures with their units, and what a person can do next."""

from agents.analysis.modelling.models import ModelCard
from agents.analysis.reporting.model_notes import model_notes
from agents.runtime.model_registry import Change, Interval, Registry

ONE = Interval(value=1.5, low=1.0, high=2.0)


def card(doubt: str = "") -> ModelCard:
    return ModelCard(
        version="0123456789", study="x", candidate="trees", target="load", data="d", code="c", seed=1,
        learnt=1, judged=1, since="", until="", mae=ONE, mse=ONE, gain=ONE, chosen_by=1.0, unit="MW",
        r2=Interval(value=0.957, low=0.9, high=0.98), doubt=doubt,
    )  # fmt: skip


def registry(one: ModelCard, what: str, **places: str) -> Registry[ModelCard]:
    change = Change.model_validate({"version": one.version, "what": what, "why": "w", "by": "gate"})
    return Registry[ModelCard](cards={one.version: one}, changes=[change], **places)  # type: ignore[arg-type]


def test_figures_have_units() -> None:
    champion, last = model_notes("x", registry(card(), "promoted", champion="0123456789"))
    assert champion.startswith(
        "champion: trees 01234567, off by 1.5 MW on average, R² 0.96 [0.90, 0.98]"
    )
    assert last == "last change: 01234567 promoted, w"


def test_a_doubtful_model_has_the_command_that_promotes_it() -> None:
    none, _, waiting = model_notes(
        "x", registry(card("why?"), "challenger", challenger="0123456789")
    )
    assert none.startswith("no model is better")
    assert waiting.endswith("to promote it: uv run python -m flows.data_analysis promote x")
    assert model_notes("x", Registry[ModelCard]()) == []
