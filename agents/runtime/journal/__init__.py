"""The journal: the SQL record of every work item, and the source of truth about all of them.

It imports neither Prefect nor Redis nor processes; `agents.runtime.context` opens those around it.
"""

from dataclasses import dataclass

from agents.runtime.journal.database import Database


@dataclass(frozen=True, slots=True)
class Journal:
    """The SQL record, and the tenant whose items are accepted and on whose items operators act.

    `installation` is the id of the record, which is part of every key and reference.
    """

    database: Database
    tenant: str
    installation: str
