"""What a cold start of a function costs, beside one that imports only Prefect and one that imports nothing.

python -m tests.benchmarks.cold_start [--rounds N]; the last line is one JSON object. Each start is a process
of its own, in turn; all figures are medians of processor time in milliseconds, which holds on a busy
machine. `first` is an invocation that connects to a current journal on SQLite and finds no work, `warm`
the next one. `packages` are loaded one after the other, so that each counts what those before it left.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from agents.runtime.journal.database import Database
from tests.benchmarks.machine import tell
from tests.prefect_server import ROOT

START = """
import json, sys, time
begun = time.process_time()
{load}
loaded = time.process_time()
{invoke}
print(json.dumps({{"import": loaded - begun, "modules": len(sys.modules), **found}}))
"""
INVOKE = """
class Context:
    invoked_function_arn = ""
    def get_remaining_time_in_millis(self): return 20_000
handler({"agent_flows": "work"}, Context())
first = time.process_time()
handler({"agent_flows": "work"}, Context())
found = {"first": first - loaded, "warm": time.process_time() - first}
assert "prefect" not in sys.modules and "pandas" not in sys.modules
"""
OURS = "from deployments.functions.aws_lambda import handler"
STARTS = {
    "nothing": ("", "found = {}"),
    "prefect": ("import prefect; from prefect import flow, task", "found = {}"),
    "ours": (OURS, INVOKE),
}
PACKAGES = (
    *("asyncio", "pydantic", "pydantic_settings", "sqlalchemy", "sqlalchemy.ext.asyncio"),
    *("aiosqlite", "structlog", "prometheus_client", "httpx", "aiosmtplib", "yaml", "iso4217"),
    *("email_validator", "deployments.functions.aws_lambda"),
)
EACH = f"""
found = {{"packages": {{}}}}
for name in {PACKAGES!r}:
    at = time.process_time()
    __import__(name)
    found["packages"][name] = time.process_time() - at
"""
# Where nobody is: the sandbox that would stand in is a process of its own, which no cloud has.
NOBODY = {
    "AGENT_FLOWS_FUNCTION": "orders",
    "AGENT_FLOWS_INVENTORY_URL": "http://127.0.0.1:9/",
    "AGENT_FLOWS_STRIPE_KEY": "sk_test_nobody",
    "AGENT_FLOWS_CARRIERS": '[{"name": "none", "url": "http://127.0.0.1:9/"}]',
    "AGENT_FLOWS_MAIL": '{"url": "smtp+plain://127.0.0.1:9", "sender": "a@example.com"}',
}


def start(load: str, invoke: str, data: Path) -> dict[str, Any]:
    """Start a process; what it says of itself, in seconds."""
    done = subprocess.run(
        [sys.executable, "-c", START.format(load=load, invoke=invoke)],
        cwd=ROOT,
        env=os.environ | NOBODY | {"AGENT_FLOWS_DATA": str(data), "PREFECT_HOME": str(data)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def in_ms(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The medians of some rounds, in milliseconds."""
    return {
        name: in_ms([one[name] for one in rounds])
        if isinstance(value, dict)
        else median(one[name] for one in rounds)
        if name == "modules"
        else round(median(one[name] for one in rounds) * 1_000)
        for name, value in rounds[0].items()
    }


def main() -> None:
    """Measure in turn, so that a busy moment meets all alike."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        database = Database(f"sqlite+aiosqlite:///{data / 'journal.db'}")
        asyncio.run(database.migrate())
        measured: dict[str, list[dict[str, Any]]] = {name: [] for name in (*STARTS, "each")}
        for _ in range(rounds + 1):
            for name, (load, invoke) in STARTS.items():
                measured[name].append(start(load, invoke, data))
            measured["each"].append(start("", EACH, data))
    # The first round compiles what was never loaded.
    found = {name: in_ms(several[1:]) for name, several in measured.items()}
    found["packages"] = found.pop("each")["packages"]
    tell(found)


if __name__ == "__main__":
    main()
