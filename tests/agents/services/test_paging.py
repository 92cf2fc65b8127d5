"""A listing is read to its end, whatever is in the way for a moment."""

import pytest

from agents.runtime.errors import TransientError
from agents.services import paging
from agents.services.paging import ATTEMPTS, Page, pages


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "PAUSE", 0.0)


class Shelf:
    """Pages by the cursor before them; fails a number of times before each answer."""

    def __init__(self, found: dict[str, Page[str]], failures: int = 0) -> None:
        self.found, self.failures, self.left = found, failures, failures
        self.asked: list[str] = []

    async def read(self, after: str) -> Page[str]:
        self.asked.append(after)
        if self.left:
            self.left -= 1
            raise TransientError("away")
        self.left = self.failures
        return self.found[after]

    async def all(self) -> list[list[str]]:
        return [page async for page in pages(self.read, str)]


THREE = {"": Page(["a", "b"], more=True), "b": Page(["c"], more=True), "c": Page([], more=False)}


@pytest.mark.parametrize("failures", [0, ATTEMPTS - 1])
async def test_every_page_is_read_once_in_order(failures: int) -> None:
    shelf = Shelf(THREE, failures)
    assert await shelf.all() == [["a", "b"], ["c"]]
    assert list(dict.fromkeys(shelf.asked)) == ["", "b", "c"]


async def test_a_service_that_stays_away_is_an_error() -> None:
    with pytest.raises(TransientError, match="away"):
        await Shelf(THREE, ATTEMPTS).all()


@pytest.mark.parametrize("again", [Page([], more=True), Page(["b"], more=True)])
async def test_a_listing_that_goes_in_circles_ends(again: Page[str]) -> None:
    with pytest.raises(TransientError, match="repeats its last page"):
        await Shelf(THREE | {"b": again}).all()
