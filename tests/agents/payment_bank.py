"""The other side of payments in the sandbox: the bank, and days that pass."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.services.http import Body, Call, HttpApi
from agents.services.sandbox.process import ensure_sandbox


@dataclass(slots=True)
class Bank:
    """The provider of the sandbox in `data`; `ahead` are the seconds that its clock was set forward."""

    data: Path
    ahead: float = 0.0

    async def ask(self, path: str, form: Mapping[str, str] | None = None, **json: Any) -> Body:
        """Post a form, or JSON."""
        address = ensure_sandbox(self.data)
        headers = {"Authorization": f"Bearer {address.token}"}
        call = Call("ask", "POST", path, json or None, tuple(form.items()) if form else None)
        async with HttpApi("bank", address.url, headers) as api:
            answer = await api.call(call)
        assert answer.ok
        return answer.body

    async def wait(self, seconds: float) -> None:
        """Let time pass at the provider."""
        self.ahead += seconds
        await self.ask("/payments/clock", seconds=seconds)

    def change(self, sql: str, *values: object) -> None:
        """Change one row of what the provider holds."""
        with closing(sqlite3.connect(self.data / "sandbox.db")) as db, db:
            assert db.execute(sql, values).rowcount == 1
