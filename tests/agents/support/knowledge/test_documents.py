"""Documents of three kinds become passages, with who may read them and when they were checked."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from agents.support.knowledge.documents import LONGEST, not_answered, passages_of


def test_markdown_is_cut_at_its_headings(tmp_path: Path) -> None:
    text = "---\naudience: customers\nchecked: 2026-01-02\n---\n# T\n\n## One?\nFirst\nline.\n\n## Two?\nx\n"
    (tmp_path / "a.md").write_text(text, "utf-8")
    one, two = passages_of(tmp_path, "en")
    assert (one.source, one.text, one.audience, one.since) == (
        "en/a.md: One?", "First line.", "customers", "2026-01-02",
    )  # fmt: skip
    assert two.section == "Two?"


def test_html_is_read_without_what_a_reader_does_not_see(tmp_path: Path) -> None:
    page = (
        '<html><head><meta name="audience" content="customers"><title>x</title></head><body>'
        "<h2>A <b>bold</b> one?</h2><p>Yes &amp; no.</p><script>steal()</script>"
        "<style>p{}</style><h3>Next?</h3><ul><li>a<li>b</ul></body></html>"
    )
    (tmp_path / "a.html").write_text(page, "utf-8")
    one, two = passages_of(tmp_path, "en")
    assert (one.section, one.text, one.audience) == ("A bold one?", "Yes & no.", "customers")
    assert two.text == "a b"


def test_the_text_of_a_pdf_is_read_page_by_page(tmp_path: Path) -> None:
    with (
        mpl.rc_context({"pdf.fonttype": 42}),
        PdfPages(
            tmp_path / "a.pdf", metadata={"Subject": "customers", "Keywords": "2026-01-02"}
        ) as pdf,
    ):
        for text in ("Lamps glow.", "Chairs stand."):
            figure = Figure()
            figure.text(0.1, 0.5, text)
            pdf.savefig(figure)
    passages = passages_of(tmp_path, "en")
    assert [(p.section, p.text, p.audience, p.since) for p in passages] == [
        ("page 1", "Lamps glow.", "customers", "2026-01-02"),
        ("page 2", "Chairs stand.", "customers", "2026-01-02"),
    ]


def test_a_long_section_is_cut_between_sentences(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# T\n\n## Long\n" + "One sentence more. " * 200, "utf-8")
    passages = passages_of(tmp_path, "en")
    assert len(passages) > 2
    assert all(len(p.text) <= LONGEST and p.text.endswith(".") for p in passages)
    assert sum(p.text.count("sentence") for p in passages) == 200


def test_what_a_document_lists_is_no_part_of_its_text(tmp_path: Path) -> None:
    text = "# T\n<!-- not answered: do you\nfly | to what -->\n\n## One?\n<!-- asked: a | b c -->\nYes.\n"
    (tmp_path / "a.md").write_text(text, "utf-8")
    (one,) = passages_of(tmp_path, "en")
    assert (one.text, one.asked) == ("Yes.", ("a", "b c"))
    assert not_answered(tmp_path) == ["do you fly", "to what"]
