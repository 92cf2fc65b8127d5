"""PostgreSQL checks the foreign keys of many new rows by one plan, and then plans each statement again."""

from typing import Any

import pytest
from sqlalchemy import event

from agents.runtime.journal.database import Database
from agents.runtime.journal.queue import Queue, claim_first
from agents.runtime.journal.statements import MANY_ROWS
from agents.runtime.journal.submit import Sender, accept
from tests.agents.runtime.jobs import new_items


@pytest.mark.parametrize("rows, modes", [(MANY_ROWS, ["auto", "force_custom_plan"]), (2, [])])
async def test_only_the_checks_of_many_rows_share_a_plan(
    postgresql_url: str, rows: int, modes: list[str]
) -> None:
    database, kinds = Database(postgresql_url), list[str]()
    await accept(database, Sender("t", "jobs", "1"), new_items(map(str, range(rows))))

    def note(*given: Any) -> None:
        set_mode = "SET LOCAL plan_cache_mode TO "
        kinds.append(given[2].removeprefix(set_mode).split("(")[0].strip())

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    assert len(await claim_first(database, "me", Queue("jobs"))) == rows
    at = kinds.index("INSERT INTO history")
    assert [kind for kind in kinds if kind in {"auto", "force_custom_plan"}] == modes
    assert not modes or [kinds[at - 1], kinds[at + 1]] == modes
    await database.close()
