"""No page reads more where the journal has ten times as many items, or an item many events."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request

from agents.runtime.context import open_runtime
from agents.runtime.journal import attention, item_lists, queue_depths, version_use
from agents.runtime.settings import Settings
from deployments.gateway.access import Principal
from deployments.gateway.app import create_app
from deployments.gateway.console import overview
from tests.databases import stop_telemetry
from tests.deployments.gateway.conftest import ADMIN
from tests.deployments.gateway.console.conftest import HTML
from tests.deployments.gateway.console.many_items import pages, write_many

FEW, MANY = 10_000, 80_000
EVENTS = {FEW: 1_000, MANY: 20_000}
LIMIT, FLOOR = 20, 20
SLACK = 1.2  # of larger indexes, which are a level deeper


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """One number, which grows by one for each ten instructions that SQLite executes."""
    taken, connect = [0], sqlite3.connect

    def step() -> int:
        taken[0] += 1
        return 0

    def watched(*arguments: str, **options: bool) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(*arguments, **options)  # type: ignore[call-overload]  # passed on
        made.set_progress_handler(step, 10)
        return made

    monkeypatch.setattr(sqlite3, "connect", watched)
    yield taken
    stop_telemetry()


async def ann(_request: Request) -> Principal:
    return ADMIN


@pytest.fixture
def low_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that the small journal reaches, too."""
    for module, name in (
        (attention, "MOST"),
        (queue_depths, "MOST"),
        (item_lists, "SCANNED"),
        (overview, "MOST_MONEY"),
        (version_use, "MOST_COUNTED"),
        (version_use, "MOST_SAMPLES"),
    ):
        assert getattr(module, name) > LIMIT
        monkeypatch.setattr(module, name, LIMIT)


async def taken_by_pages(journal: Path, count: int, steps: list[int]) -> dict[str, int]:
    """How many steps each page takes on a journal with so many items."""
    url, found = f"sqlite+aiosqlite:///{journal}", dict[str, int]()
    async with open_runtime(Settings(data=journal.parent, journal_url=url)):  # type: ignore[arg-type]  # pydantic wraps it
        transport = httpx.ASGITransport(create_app(ann))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as browser:
            for name, path in pages(count).items():
                before = steps[0]
                answer = await browser.get(path, headers={"accept": HTML})
                found[name] = steps[0] - before
                assert answer.status_code == 200, f"{name}: {answer.text}"
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("low_limits")
async def test_pages_read_as_much_of_a_large_journal_as_of_a_small_one(
    migrated_sqlite: Path, tmp_path: Path, steps: list[int]
) -> None:
    found = []
    for count in (FEW, MANY):
        journal = tmp_path / f"{count}.db"
        shutil.copyfile(migrated_sqlite, journal)
        write_many(journal, count, EVENTS[count])
        found.append(await taken_by_pages(journal, count, steps))
    few, many = found
    # These count the unfinished items and the work that waits, of which the large journal has more; they
    # must not read the others.
    for page in ("versions", "overview", "API queues"):
        assert many.pop(page) < MANY / 5
        assert few.pop(page)
    more = {name: (few[name], many[name]) for name in few if many[name] > SLACK * few[name] + FLOOR}
    assert more == {}
