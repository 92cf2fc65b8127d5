"""Questions find the passage that answers them, and what no passage speaks of finds none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.runtime.settings import settings
from agents.support.knowledge.retrieve import readable, retrieve, stale
from agents.support.models import Language
from agents.support.understanding import vectors
from agents.support.understanding.embedding import Role, Vector, vector

QUESTIONS = [
    ("how many days until my parcel arrives, how long does delivery take", "How long does delivery take?"),
    ("can I cancel after the goods left the warehouse", "Until when can an order be cancelled?"),
    ("do you take gift cards or credit cards as payment methods", "Which payment methods are accepted?"),
    ("is a parcel of twenty kilograms too heavy", "Do you ship heavy goods?"),
    ("who can see my order", "Who can see an order?"),
    ("几个工作日送达", "送货需要多长时间？"),
    ("可以用信用卡付款吗", "支持哪些付款方式？"),
    ("收货以后怎么退货", "怎么退货？"),
    ("大额退款要审核吗", "大额退款有什么规定？"),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of documents of one's own."""
    (tmp_path / "docs" / "en").mkdir(parents=True)
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    monkeypatch.setenv("AGENT_FLOWS_KNOWLEDGE", str(tmp_path / "docs"))
    settings.cache_clear()
    yield tmp_path / "docs" / "en"
    settings.cache_clear()


def written(
    path: Path, text: str, audience: str = "customers", checked: str = "2026-11-01"
) -> None:
    head = f"---\naudience: {audience}\nchecked: {checked}\n---\n"
    path.write_text(f"{head}# Title\n\n## Do you fly to the moon?\n{text}\n", "utf-8")


@pytest.mark.parametrize("question,section", QUESTIONS)
async def test_the_answer_comes_first(question: str, section: str) -> None:
    language: Language = "en" if question.isascii() else "zh"
    assert (await retrieve(question, language))[0].section == section


@pytest.mark.parametrize("question", ["", "???", "xylophone quokka", "the of and"])
async def test_no_evidence_is_none(question: str) -> None:
    assert await retrieve(question, "en") == ()


def test_both_languages_say_the_same() -> None:
    en, zh = readable("en"), readable("zh")
    assert [p.document[3:] for p in en] == [p.document[3:] for p in zh]
    assert len(en) == 57


async def test_what_is_for_staff_is_found_by_staff_alone() -> None:
    question = "when is a refund approved by hand, calling the customer back"
    assert all(p.audience == "customers" for p in await retrieve(question, "en", 10))
    assert (await retrieve(question, "en", audience="staff"))[0].document == "en/staff.md"


def test_a_document_without_an_audience_is_for_staff(folder: Path) -> None:
    (folder / "a.md").write_text("# Title\n\n## Secret\nThe door code is 1234.\n", "utf-8")
    assert readable("en") == ()
    assert readable("en", "staff")[0].section == "Secret"


async def test_a_changed_document_is_read_anew_and_only_what_is_new_is_embedded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str] = []

    def compute(text: str, role: Role) -> Vector:
        computed.append(text)
        return vector(text, role)

    monkeypatch.setattr(vectors, "vector", compute)
    written(folder / "a.md", "Every Monday.")
    assert (await retrieve("do you fly to the moon", "en"))[0].text == "Every Monday."
    written(folder / "b.md", "The answer for something else.")
    await retrieve("do you fly to the moon", "en")
    written(folder / "a.md", "Never again on Mondays.")
    assert "Never" in " ".join(p.text for p in await retrieve("do you fly to the moon", "en"))
    assert len([t for t in computed if t.startswith("Do you")]) in (
        0,
        3,
    )  # none where there is no model


def test_what_nobody_has_checked_is_told(folder: Path) -> None:
    written(folder / "old.md", "Once.", checked="2020-01-01")
    written(folder / "new.md", "Now.")
    assert [p.document for p in stale("en", "2026-01-01")] == ["en/old.md"]
