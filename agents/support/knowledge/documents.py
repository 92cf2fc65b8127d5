"""The shop's documents as passages: Markdown, HTML and the text of PDFs, cut at their headings.

The head of a document names who may read it (`audience`) and the day when a person last checked that it
is still true (`checked`). A document without an audience is for staff only. What is not the shop's own names
its `origin`: its text is quoted as such, see `origins.py`. A comment "asked:" below a heading
lists questions that the section answers, with "|" between them; it helps to find the section. A comment
"not answered:" anywhere lists questions that sound alike and that no document answers.
"""

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

import yaml

from agents.shop.rules import RETURN_DAYS
from agents.support.knowledge.origins import SENTENCE, for_customers, is_planted, quoted
from agents.support.models import Language, Passage

SUFFIXES = {".md", ".html", ".pdf"}
STAFF = "staff"
LONGEST = 1_200  # characters of a passage; a longer section is cut between sentences
HEADS = {"h2", "h3"}
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
ASKED = re.compile(r"<!--\s*asked:(.*?)-->", re.DOTALL)
NOT_ANSWERED = re.compile(r"<!--\s*not answered:(.*?)-->", re.DOTALL)
FIGURES = {"{return_days}": str(RETURN_DAYS)}
UNSEEN = {"script", "style", "head", "h1"}

Section = tuple[str, str]


class AskedPassage(Passage):
    """A passage, and the questions that it answers, as its author wrote them down for the search."""

    asked: tuple[str, ...] = ()


def passages_of(folder: Path, language: Language) -> list[AskedPassage]:
    """Every passage of every document in the folder, documents in the order of their names."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix in SUFFIXES and p.is_file())
    return [passage for path in paths for passage in _passages(path, folder, language)]


def not_answered(folder: Path) -> list[str]:
    """The questions of comments "not answered:", in every document that can have comments."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix in {".md", ".html"} and p.is_file())
    return [one for p in paths for one in _listed(NOT_ANSWERED, p.read_text("utf-8"))]


def _passages(path: Path, folder: Path, language: Language) -> Iterator[AskedPassage]:
    head, sections = _READERS[path.suffix](path)
    origin, audience = head.get("origin", ""), head.get("audience", STAFF)
    for_staff = audience == STAFF and not origin  # it says what to tell customers
    for section, body in sections:
        if not for_staff and is_planted(section):  # a citation would repeat it
            continue
        text, asked = _asked(_with_figures(body))
        text = " ".join(text.split())
        for part in _parts(text if for_staff else for_customers(text)):
            yield AskedPassage(
                asked=asked,
                document=f"{language}/{path.relative_to(folder)}",
                section=section,
                text=quoted(part, origin, language),
                language=language,
                audience=audience,
                since=head.get("checked", ""),
            )


def _asked(text: str) -> tuple[str, tuple[str, ...]]:
    """The text without comments, and the questions of a comment "asked:"."""
    return COMMENT.sub(" ", text), tuple(_listed(ASKED, text))


def _listed(comment: re.Pattern[str], text: str) -> list[str]:
    found = [" ".join(one.split()) for listed in comment.findall(text) for one in listed.split("|")]
    return [one for one in found if one]


def _with_figures(text: str) -> str:
    """The text with the shop's own figures, which the rules in code go by as well."""
    for name, value in FIGURES.items():
        text = text.replace(name, value)
    return text


def _parts(text: str) -> list[str]:
    parts, current = [], ""
    for sentence in SENTENCE.split(text):
        if current and len(current) + len(sentence) > LONGEST:
            parts.append(current)
            current = ""
        current = f"{current} {sentence}".strip() if current.isascii() else current + sentence
    return [*parts, current] if current else parts


def _markdown(path: Path) -> tuple[Mapping[str, str], list[Section]]:
    text, head = path.read_text("utf-8"), {}
    if text.startswith("---\n"):
        front, _, text = text.removeprefix("---\n").partition("\n---\n")
        head = {name: str(value) for name, value in (yaml.safe_load(front) or {}).items()}
    _, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    return head, [(h.strip(), body) for h, _, body in (s.partition("\n") for s in sections)]


def _html(path: Path) -> tuple[Mapping[str, str], list[Section]]:
    reader = _Reader()
    reader.feed(path.read_text("utf-8"))
    reader.close()
    return reader.meta, [(heading, text) for heading, text in reader.sections if text.strip()]


def _pdf(path: Path) -> tuple[Mapping[str, str], list[Section]]:
    """One section for each page; audience, day and origin come from the document's metadata."""
    from pypdf import PdfReader  # noqa: PLC0415 - only PDFs need it

    reader = PdfReader(path)
    metadata = {
        str(name).lstrip("/").lower(): str(value) for name, value in (reader.metadata or {}).items()
    }
    head = {
        "audience": metadata.get("subject", STAFF),
        "checked": metadata.get("keywords", ""),
        "origin": metadata.get("origin", ""),
    }
    pages = [(f"page {n}", page.extract_text()) for n, page in enumerate(reader.pages, 1)]
    return head, [(heading, text) for heading, text in pages if text.strip()]


class _Reader(HTMLParser):
    """Headings and the text below them, without what a browser does not show."""

    def __init__(self) -> None:
        super().__init__()
        self.meta: dict[str, str] = {}
        self.sections: list[list[str]] = []
        self.within: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "meta" and given.get("name") in {"audience", "checked", "origin"}:
            self.meta[str(given["name"])] = given.get("content") or ""
        elif tag in HEADS:
            self.sections.append(["", ""])
        if tag in HEADS | UNSEEN:
            self.within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.within:
            self.within.remove(tag)

    def handle_comment(self, data: str) -> None:
        if self.sections:
            self.sections[-1][1] += f" <!--{data}-->"

    def handle_data(self, data: str) -> None:
        if not self.sections or UNSEEN & set(self.within):
            return
        part = 0 if HEADS & set(self.within) else 1
        self.sections[-1][part] += data if part == 0 else f" {data}"


_READERS = {".md": _markdown, ".html": _html, ".pdf": _pdf}
