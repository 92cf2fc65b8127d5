"""Rename stored values: two agents, and the error type of a dead letter whose processes kept dying.

The schema stays as it is. Texts of the history and of errors keep the names of their time.

Processes of both releases at the same time: a process of the earlier release that is running goes on,
and still writes the old names. No work is lost and no effect is repeated: neither agent has an effect
or asks a person. The worst case is a repeated step: a process that finds no row under its own name calls
the agent once more; `select_model` gives the same verdict for the same model, and `read_change_result`
only reads. A dead letter that such a process writes keeps the old names.

A process of the earlier release does not start any more: Alembic does not know this revision, and it
ends before it takes an item. To go back to that release, stop all processes and set the revision back
with `UPDATE alembic_version SET version_num = '0004'`. Unfinished items then repeat the two steps, as
above. The next start of this release renames again; a row that already has the new name stays.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# Scenario, old name, new name. By the scenario's index only its own rows are read, not the whole journal.
AGENTS = (
    ("comparisons", "weigh_candidates", "select_model"),
    ("turns", "learn_outcome", "read_change_result"),
)
STEP = """
    UPDATE stages SET agent = :new
    WHERE agent = :old AND item IN (SELECT id FROM items WHERE scenario = :scenario)
    AND NOT EXISTS (
        SELECT 1 FROM stages AS renamed WHERE renamed.item = stages.item
        AND renamed.agent = :new AND renamed.occurrence = stages.occurrence)
"""
LETTER = """
    UPDATE dead_letters SET agent = :new
    WHERE agent = :old AND item IN (SELECT id FROM items WHERE scenario = :scenario)
"""
FAILURE = """
    UPDATE items SET failure = replace(failure, :old, :new)
    WHERE scenario = :scenario AND failure LIKE '%' || :old || '%'
"""


def upgrade() -> None:
    """Give stored rows the new names."""
    for scenario, old, new in AGENTS:
        names = {"scenario": scenario, "old": old, "new": new}
        for statement in (STEP, LETTER):
            op.execute(sa.text(statement).bindparams(**names))
        # Compact JSON: within a text its quotes are escaped, so only the field itself is found.
        fields = names | {"old": f'"agent":"{old}"', "new": f'"agent":"{new}"'}
        op.execute(sa.text(FAILURE).bindparams(**fields))
    op.execute("UPDATE dead_letters SET error_type = 'PoisonItem' WHERE error_type = 'Killer'")
