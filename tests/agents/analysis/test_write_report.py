"""The report's page: what it shows of a run is shown by test_weigh_candidates.py, its pictures by reporting/."""

from agents.analysis.write_report import PAGE


def test_the_template_comes_along_with_the_code() -> None:
    text = (PAGE / "page.html.j2").read_text("utf-8")
    assert "autoescape false" not in text
    assert "| safe" not in text
