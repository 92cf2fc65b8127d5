"""The pictures of the README show what a terminal and a browser really showed, and nothing foreign."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pyte
import pytest
from PIL import Image

from tests.pictures.__main__ import HERE, picture_of_prefect
from tests.pictures.browser import SIDE_BAR, WIDTH, chromium
from tests.pictures.drawing import picture
from tests.pictures.story import record
from tests.pictures.terminal import COLUMNS, characters

RECORDED = (
    b"$ python -m flows.order_processing\r\n"
    b"order-processing \x1b[38;5;237m\xe2\x94\x81\xe2\x94\x81\x1b[0m \x1b[32m  0/9\x1b[0m"
    b"\r\x1b[2Korder-processing \x1b[38;2;249;38;114m\xe2\x94\x81\xe2\x94\x81\x1b[0m \x1b[32m  4/9\x1b[0m\r\n"
    b"\x1b[1;93mA & B < C\x1b[0m\r\n$ "
)
BAR_GREEN = (33, 157, 75)
MOST_BYTES = {".svg": 60_000, ".png": 200_000}


def texts(svg: str) -> list[str]:
    """The lines of a picture, its title first."""
    rows: dict[float, str] = {}
    for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        y = float(element.get("y", "0")) if element.get("textLength") else -1
        rows[y] = rows.get(y, "") + (element.text or "").replace("\xa0", " ") + " "
    return [rows[y].strip() for y in sorted(rows)]


def has_row(lines: list[str], outcome: str, orders: str) -> bool:
    """Whether the table has such a row."""
    return any(line.split("│")[1:3] == [outcome, orders] for line in map(_squeezed, lines))


def _squeezed(line: str) -> str:
    return "│".join(cell.strip() for cell in line.split("│"))


def assert_the_story(killed: str, resumed: str, repeated: str) -> None:
    bar = texts(killed)[-1]
    assert bar.endswith("Killed")
    assert "/1000" in bar
    again = texts(resumed)
    assert any(line.startswith("1,000 orders in") for line in again)
    assert any(line.strip("│ ").startswith("already done") for line in again)
    once_more = texts(repeated)
    for outcome in ("shipped", "refunded", "rejected", "dead-lettered"):
        assert has_row(once_more, outcome, "0")
    assert has_row(once_more, "waiting for approval", "22")
    assert has_row(once_more, "already done", "978")


def test_a_picture_has_what_the_screen_shows_in_its_colours() -> None:
    screen = pyte.Screen(COLUMNS, 9)
    pyte.ByteStream(screen).feed(RECORDED)

    svg = picture(characters(screen), "a title")

    title, command, bar, last = texts(svg)
    assert (title, command) == ("a title", "$ python -m flows.order_processing")
    assert bar.split() == ["order-processing", "━━", "4/9"]
    assert last == "A & B < C"
    assert "#f92672" in svg


def test_the_kept_pictures_tell_the_story() -> None:
    killed, resumed, repeated = (
        (HERE / f"{name}.svg").read_text("utf-8") for name in ("killed", "resumed", "repeated")
    )
    assert_the_story(killed, resumed, repeated)


@pytest.mark.parametrize("kept", sorted([*HERE.glob("*.svg"), *HERE.glob("*.png")]), ids=str)
def test_a_kept_picture_is_small_and_asks_nobody_for_anything(kept: Path) -> None:
    content = kept.read_bytes()
    assert len(content) < MOST_BYTES[kept.suffix]
    if kept.suffix == ".svg":
        assert content.count(b"http") == content.count(b'xmlns="http') + content.count(b"127.0.0.1")
        assert not any(word in content for word in (b"<script", b"@font-face", b"@import", b"href"))


def test_without_a_browser_its_picture_is_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = picture_of_prefect(tmp_path / "prefect.png", tmp_path)
    assert told == "prefect.png is left out: chromium is not installed"
    assert not list(tmp_path.iterdir())


@pytest.mark.campaign
def test_a_killed_run_is_finished_by_the_next_and_repeated_by_none(tmp_path: Path) -> None:
    pictures = dict(record(tmp_path / "terminal"))
    assert_the_story(**pictures)
    assert not any(str(tmp_path) in svg for svg in pictures.values())


@pytest.mark.campaign
@pytest.mark.skipif(chromium() is None, reason="chromium is not installed")
def test_the_picture_of_prefect_shows_the_graph_without_the_side_bar(tmp_path: Path) -> None:
    assert picture_of_prefect(tmp_path / "prefect.png", tmp_path / "run") == "prefect.png"
    with Image.open(tmp_path / "prefect.png") as drawn:
        assert drawn.width == WIDTH - SIDE_BAR
        counted = drawn.getcolors(drawn.width * drawn.height)
    assert {colour: count for count, colour in counted or ()}[BAR_GREEN] > 1_000
