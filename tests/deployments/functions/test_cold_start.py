"""What a function loads before its first item has ended: neither Prefect nor pandas nor Redis."""

import subprocess
import sys

import pytest

from tests.deployments.functions.conftest import Cloud
from tests.prefect_server import ROOT

CODE = """
import sys
from tests.deployments.functions.entry import handler
from tests.deployments.functions.events import Context, lines, records
print(handler(records(lines(3).decode()), Context()))
print(*sorted({"alembic", "cyclopts", "fastapi", "pandas", "prefect", "redis"} & set(sys.modules)))
"""


@pytest.mark.slow
def test_an_invocation_that_ends_items_loads_neither_prefect_nor_pandas(cloud: Cloud) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=ROOT,
        env=cloud.child_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n") == ["{'batchItemFailures': []}", "", ""]
    assert sorted(cloud.keys()) == ["e0", "e1", "e2"]
