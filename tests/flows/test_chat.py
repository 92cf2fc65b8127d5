"""A conversation in the terminal: a process of its own that reads turns from its input."""

import pytest

from tests.flows.cli.test_commands import Terminal
from tests.flows.cli.test_commands import connected as connected  # noqa: PLC0414 - a fixture
from tests.flows.cli.test_commands import terminal as terminal  # noqa: PLC0414 - what it stands on

pytestmark = pytest.mark.slow
SAID = "hello\nwhere is order W1304208\n几天之内可以退货\n\n"


async def test_the_sample_can_be_talked_about(connected: Terminal) -> None:
    words = ("-m", "flows.customer_service")
    ended = connected.run(*words, given=SAID.encode(), concurrency="local")

    output = ended.stdout.decode()
    assert ended.returncode == 0, ended.stderr.decode()
    assert "order W1304208, delivered: Hiking Boots" in output
    assert "bot> Order W1304208 has been shipped." in output
    assert "[zh/returns.html: 怎么退货？]" in output
    assert "3 turns" in output
