"""Operations as a person runs them in a terminal: commands, output and exit status."""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from agents.runtime.settings import PREFIX, ROOT
from tests.flows.operating import money, outage
from tests.flows.shop import Shop
from tests.prefect_server import PrefectServer
from tests.pseudo_terminal import PseudoTerminal

pytestmark = pytest.mark.slow

Terminal = Callable[..., subprocess.CompletedProcess[str]]
SECONDS = 120.0
WHO = ("--by", "ann", "--reason", "asked the carrier")


@pytest.fixture
def terminal(prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """The command line, run to its end with these arguments."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv(f"{PREFIX}CONCURRENCY", "local")  # this server has no limits
    return partial(prefect_server.run, sys.executable, "-m", "flows.operations")


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_a_dead_letter_is_mended_and_replayed(shop: Shop, terminal: Terminal) -> None:
    [key] = await outage(shop)
    body = json.dumps(shop.order(0, payment_method="pm_card_mastercard"))

    listed = terminal("dead-letters", "--json")
    mended = terminal("mend", key, "--body", body, *WHO)
    replayed = terminal("replay", key, *WHO)
    shown = terminal("show", "--key", key)

    assert listed.returncode == 0, listed.stderr
    assert [row["item"] for row in json.loads(listed.stdout)["rows"]] == [key]
    assert (mended.returncode, "is mended" in mended.stdout) == (0, True), mended.stderr
    assert (replayed.returncode, "1 replayed" in replayed.stdout) == (0, True), replayed.stderr
    assert f"orders {key}: shipped" in shown.stdout
    assert "pm_card_mastercard" in shown.stdout.replace("\n", "")


@pytest.mark.campaign
@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("terminal")
async def test_at_a_terminal_a_person_is_asked_before_money_is_left(
    shop: Shop, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    [key] = await outage(shop)
    command = (sys.executable, "-m", "flows.operations", "discard", key, *WHO)
    for answer, words, status in (("no", "nothing was changed", 2), ("yes", "stays as it is", 0)):
        screen = tmp_path / answer
        with PseudoTerminal(command, ROOT, prefect_server.environment, screen) as person:
            person.wait_for("type yes to go on: ", SECONDS)
            person.type(f"{answer}\n")
            assert person.wait(SECONDS) == status, person.screen
            assert words in person.screen
    assert money(shop, key) == (1_999, 0)


@pytest.mark.campaign
@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_an_order_that_waits_is_approved(shop: Shop, terminal: Terminal) -> None:
    key = shop.order_id(1)
    await shop.process([shop.order(1, price=700_000)])

    listed = terminal("waiting")
    approved = terminal("approve", "--key", key, *WHO)
    again = terminal("approve", "--key", key, *WHO)

    assert key in listed.stdout, listed.stderr
    assert (approved.returncode, f"orders {key}: shipped" in approved.stdout) == (0, True)
    assert again.returncode == 2
    assert f"error: item {key} is completed" in again.stderr
    assert f"its history: uv run python -m flows.operations show {key}" in again.stderr


@pytest.mark.campaign
@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("shop")
def test_an_error_is_named_with_status_2(terminal: Terminal) -> None:
    for arguments, words in {
        ("show", "--key", "none"): "error: orders has no item 'none'\nnext: check the key",
        ("mend", "--key", "x", "--body", "{}", *WHO): "error: order refused: order_id (missing)",
    }.items():
        done = terminal(*arguments)
        assert done.returncode == 2, (arguments, done.stderr)
        assert words in done.stderr, arguments
        assert "Traceback" not in done.stderr
        assert "pydantic" not in done.stderr
