"""A page of a workflow reads its own tasks alone, however many there are, and all pages show each task once."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Select, update

from agents.runtime.journal import Journal
from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import items
from agents.runtime.journal.submit import NewItem, Sender, accept
from agents.runtime.model.lifecycle import State
from agents.tasks.scenario import TASKS
from agents.tasks.view import ASKS, BLOCKED, UnknownPage, counts_of, page_of, page_query, tasks_of
from tests.agents.runtime.journal.test_item_lists import counting, explained_rows

MANY, PAGE = 3_000, 20


@pytest.fixture
async def journal(journal_url: str) -> AsyncIterator[Journal]:
    database = Database(journal_url)
    await database.migrate()
    yield Journal(database, "ours", "0123456789abcdef")
    await database.close()


async def fill(journal: Journal, tasks: int) -> None:
    """Two workflows of as many tasks, one accepted in turns with the other."""
    names = [f"{workflow}/t{n:05}" for n in range(tasks) for workflow in "vw"]
    new = [NewItem(key, "", "h", f"{n:032x}") for n, key in enumerate(names)]
    for start in range(0, len(new), 1_000):
        part = new[start : start + 1_000]
        await accept(journal.database, Sender.of(journal.tenant, TASKS), part)


def queries(journal: Journal) -> list[Select[tuple[object, ...]]]:
    """Those of the first page, of one in the middle and of the last."""
    last = [None, f"w/t{MANY // 2:05}", f"w/t{MANY - PAGE:05}"]
    return [page_query(journal, "w", key, PAGE) for key in last]


async def test_a_page_reads_few_rows_of_a_large_workflow(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    await database.migrate()
    journal = Journal(database, "ours", "0123456789abcdef")
    await fill(journal, MANY)
    literals = {"literal_binds": True}
    with counting(sqlite_url.partition(":///")[2]) as run:
        sql = [
            str(one.compile(database.engine, compile_kwargs=literals)) for one in queries(journal)
        ]
        read = [run(one) for one in sql]
        whole = run("SELECT max(trace) FROM items")
    await database.close()
    assert whole > MANY * 4
    assert max(read) < 100 + 60 * PAGE, read


async def test_postgresql_reads_few_rows_of_a_large_workflow(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    journal = Journal(database, "ours", "0123456789abcdef")
    await fill(journal, MANY)
    async with database.read() as connection:
        await connection.exec_driver_sql("VACUUM ANALYZE items")
        read = [await explained_rows(connection, one) for one in queries(journal)]
    await database.close()
    assert max(read) < 3 * PAGE, read


async def test_all_pages_show_each_task_once_and_the_counts_are_theirs(journal: Journal) -> None:
    await fill(journal, 25)
    async with journal.database.write() as connection:

        async def change(key: str, **values: object) -> None:
            await connection.execute(update(items).where(items.c.key == key).values(**values))

        await change("w/t00000", state=State.COMPLETED, outcome="done")
        await change("w/t00001", state=State.WAITING)
        await change("w/t00002", waiting_since=1.0)
    found, after = await page_of(journal, "w", 0, 10)
    while after is not None:
        more, after = await page_of(journal, "w", after, 10)
        found += more
    assert [task.id for task in found] == [f"t{n:05}" for n in range(25)]
    assert {task.id: task.word for task in found} == {
        task.id: task.word for task in await tasks_of(journal, "w")
    }
    assert await counts_of(journal, "w") == {"done": 1, BLOCKED: 1, ASKS: 1, "pending": 22}
    assert await counts_of(journal, "nothing") == {}


async def test_a_page_begins_after_a_task_of_the_same_workflow_and_tenant(journal: Journal) -> None:
    await fill(journal, 3)
    _, after = await page_of(journal, "v", 0, 1)
    assert after is not None
    other = Journal(journal.database, "theirs", journal.installation)
    for of, workflow in ((journal, "w"), (other, "v")):
        with pytest.raises(UnknownPage):
            await page_of(of, workflow, after, 1)
