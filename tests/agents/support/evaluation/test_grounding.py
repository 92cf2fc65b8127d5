"""Every sentence without a source is found."""

from agents.support.evaluation.grounding import unsupported
from agents.support.knowledge.retrieve import readable


def test_passages_and_templates_leave_nothing() -> None:
    passage = readable("en")[0]
    asked = f"{passage.text} Which order is it? Please give me its number."
    assert unsupported(asked, (passage.source,), "en") == ""
    assert unsupported("Order A100 has been shipped.", (), "en") == ""


def test_what_is_made_up_or_not_cited_is_left() -> None:
    passage = readable("en")[0]
    assert unsupported("You get a free car.", (), "en") == "You get a free car."
    assert unsupported(passage.text, (), "en") == passage.text
