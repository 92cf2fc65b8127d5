"""The golden corpus: what a release stores of orders, kept so that every later release reads it.

python -m tests.agents.orders.golden JOURNAL.DB > tests/agents/orders/golden/VERSION.jsonl

writes a new file from the journal of a run; an old file is never written again.
"""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import orjson

A_KIND = 3  # the number of each kind
QUERIES = {
    "body": "SELECT 'orders', version, body FROM items ORDER BY length(body), key LIMIT ?",
    "failure": "SELECT 'orders', version, failure FROM items WHERE failure IS NOT NULL GROUP BY failure LIMIT ?",
    "notice": "SELECT topic, '1', body FROM outbox GROUP BY topic LIMIT ?",
}
STAGES = "SELECT DISTINCT agent FROM stages WHERE status = 'done' ORDER BY agent"
STAGE = """SELECT agent, version, output FROM stages WHERE agent = ? AND status = 'done'
 GROUP BY length(output) ORDER BY item LIMIT ?"""


def corpus(journal: Path) -> list[dict[str, str]]:
    """Some of each kind of text in the journal: `kind`, whose, by which version, the text."""
    with closing(sqlite3.connect(journal)) as database:
        found = [
            (kind, *row)
            for kind, query in QUERIES.items()
            for row in database.execute(query, (A_KIND,))
        ]
        for (agent,) in database.execute(STAGES).fetchall():
            found += [("stage", *row) for row in database.execute(STAGE, (agent, A_KIND))]
    return [dict(zip(("kind", "of", "version", "text"), row, strict=True)) for row in found]


if __name__ == "__main__":
    for line in corpus(Path(sys.argv[1])):
        sys.stdout.write(orjson.dumps(line).decode() + "\n")
