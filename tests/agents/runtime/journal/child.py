"""A child process of tests: migrates a journal, accepts keys and prints those that it claimed.

`python -m tests.agents.runtime.journal.child URL KEYS SEED`
"""

import asyncio
import hashlib
import random
import sys

from agents.runtime.context import Lease
from agents.runtime.journal.database import Database
from agents.runtime.journal.submit import Disposition, NewItem, Sender, accept
from agents.runtime.trace_context import new_trace

CHUNK = 25
SENDER = Sender("t", "jobs", "1")


async def main(url: str, count: int, seed: int) -> None:
    """Accept all keys in random order, print those claimed, and wait until standard input ends."""
    database = Database(url)
    await database.migrate()
    owner = Lease(database, 30)
    await owner.register()
    keys = [f"k{n}" for n in range(count)]
    random.Random(seed).shuffle(keys)
    body_hash = hashlib.sha256(b"{}").hexdigest()
    for start in range(0, count, CHUNK):
        chunk = [NewItem(key, "{}", body_hash, new_trace()) for key in keys[start : start + CHUNK]]
        for answer in await accept(database, SENDER, chunk, owner.id):
            if answer.disposition is Disposition.CLAIMED:
                sys.stdout.write(f"{answer.row.key}\n")
    sys.stdout.write("done\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
