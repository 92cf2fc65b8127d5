"""Makes an API key, also of another tenant: `python -m deployments.gateway.trust.new_key --help`.

A person who may run this has the journal, and so has everything already.
"""

import argparse
import asyncio

from agents.runtime.command_line import run_command
from agents.runtime.context import open_runtime
from agents.runtime.journal import api_keys
from agents.runtime.journal.api_keys import NewKey
from agents.runtime.settings import Settings, settings
from deployments.gateway.access import Scope
from deployments.gateway.trust.keys import DAY


def main(arguments: list[str] | None = None) -> int:
    """Make a key and print it."""
    parser = argparse.ArgumentParser(
        prog="python -m deployments.gateway.trust.new_key", description="Make an API key."
    )
    parser.add_argument("name", help="who uses it")
    parser.add_argument("--tenant", help="its tenant; without it, that of the settings")
    parser.add_argument("--scopes", nargs="+", choices=list(Scope), default=list(Scope))
    parser.add_argument("--customer", default="", help="whom it talks as, for the scope chat")
    parser.add_argument("--days", type=float, help="how long it is valid; without it, for ever")
    parser.add_argument("--by", required=True, help="your name, kept in the audit log")
    parser.add_argument("--reason", required=True, help="why you make it, kept in the audit log")
    given = parser.parse_args(arguments)
    new = NewKey(
        *(given.tenant or settings().tenant, given.name, tuple(given.scopes)),
        customer=given.customer,
        seconds=None if given.days is None else given.days * DAY,
    )
    print(asyncio.run(make(settings(), new, given.by, given.reason)))
    return 0


async def make(wanted: Settings, new: NewKey, by: str, reason: str) -> str:
    """The key. Raises NameTaken."""
    async with open_runtime(wanted) as opened:
        made = await api_keys.create(opened.journal, new, by, reason)
    return made.key


if __name__ == "__main__":
    run_command(main)
