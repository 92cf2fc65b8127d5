"""Rows that are inserted together are stored as if one by one, conflicts included."""

from sqlalchemy.dialects.postgresql.asyncpg import dialect

from agents.runtime.context import Runtime
from agents.runtime.journal.schema import history, owners
from agents.runtime.journal.statements import array_insert, compiled, insert_many, insert_new


async def test_many_rows_are_inserted_with_nulls_and_existing_ones_stay(opened: Runtime) -> None:
    rows = [
        {"id": f"o{n}", "pid": n, "beat_at": n / 2, "flow_run": f"'{n}" if n % 2 else None}
        for n in range(300)
    ]
    async with opened.journal.database.write() as connection:
        statement = insert_new(connection, owners, host="here", lease=1.0)
        await insert_many(connection, statement, rows)
        await insert_many(connection, statement, [row | {"pid": -1} for row in rows])
        found = await connection.execute(
            owners.select().where(owners.c.host == "here").order_by(owners.c.pid)
        )
    assert [row._asdict() for row in found] == [r | {"host": "here", "lease": 1.0} for r in rows]


def test_on_postgresql_many_rows_are_one_statement() -> None:
    postgresql = dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    sql, names, _ = compiled(history.insert(), postgresql, ("item", "sequence", "at"))
    assert array_insert(sql) == (
        "INSERT INTO history (item, sequence, at) SELECT c1, c2, c3"
        " FROM unnest($1::BIGINT[], $2::INTEGER[], $3::FLOAT[]) AS new (c1, c2, c3) "
    )
    assert list(names) == ["item", "sequence", "at"]
    assert array_insert(
        "INSERT INTO t (a) VALUES ($1::BIGINT) ON CONFLICT (a) DO UPDATE SET a = $2"
    ) is (None)
