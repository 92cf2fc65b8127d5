"""The template of the report; test_select_model.py tests its content, reporting/ its plots."""

from agents.analysis.write_report import PAGE


def test_the_template_escapes_everything() -> None:
    text = (PAGE / "page.html.j2").read_text("utf-8")
    assert "autoescape false" not in text
    assert "| safe" not in text
