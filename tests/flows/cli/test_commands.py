"""A command shows a table or an error message, and its exit status says which."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from agents.runtime.model.batch import RunStats
from agents.runtime.settings import PREFIX, ROOT
from agents.services.sandbox.process import ensure_sandbox, stop_sandbox
from flows.cli.commands import time_left
from tests.flows.shop import Shop
from tests.prefect_server import MigratedPrefect, PrefectServer, free_port

pytestmark = pytest.mark.slow

MODULE = ("-m", "flows.order_processing")
FILE = ("flows/order_processing.py",)


@dataclass(frozen=True, slots=True)
class Terminal:
    """A shell in the project's root, with a home and a data folder of its own.

    Without the address of a `server` each command uses the local one.
    """

    home: Path
    shop: Shop
    server: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The variables of this process, without settings of Prefect and of this project."""
        foreign = ("PREFECT_", PREFIX)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        known = {"PREFECT_API_URL": self.server} if self.server else {}
        return (
            inherited
            | known
            | {
                "COLUMNS": "100",
                "DO_NOT_TRACK": "1",
                "PREFECT_HOME": str(self.home / "prefect"),
                f"{PREFIX}DATA": str(self.shop.data),
                f"{PREFIX}PREFECT_IDLE_SECONDS": "10",
            }
        )

    def run(
        self, *arguments: str, given: bytes = b"", **settings: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run Python with these arguments to its end."""
        changed = {PREFIX + name.upper(): value for name, value in settings.items()}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment | changed,
            input=given,
            capture_output=True,
            timeout=200,
            check=False,
        )


@pytest.fixture(scope="module")
def terminal(
    tmp_path_factory: pytest.TempPathFactory, migrated_prefect: MigratedPrefect
) -> Iterator[Terminal]:
    home = tmp_path_factory.mktemp("terminal")
    migrated_prefect.fill(home / "prefect")
    data = home / "data"
    ensure_sandbox(data)
    yield Terminal(home, Shop("cli", home, data, f"sqlite+aiosqlite:///{data / 'journal.db'}"))
    stop_sandbox(data)


@pytest.fixture(scope="module")
def connected(terminal: Terminal, prefect_server: PrefectServer) -> Terminal:
    """The same, with a Prefect server that is running and set up."""
    applied = prefect_server.run(sys.executable, "-m", "deployments.apply")
    assert applied.returncode == 0, applied.stderr
    return replace(terminal, server=prefect_server.url)


async def test_a_run_shows_a_table_and_where_its_report_is(terminal: Terminal) -> None:
    shop = terminal.shop
    orders = [*shop.orders(4), shop.order(4, "anvil")]
    options = ("--stock", shop.stock, "--report", str(terminal.home / "here" / "report.md"))

    ended = terminal.run(*MODULE, "--orders", shop.write([*orders, b"{"]), *options)

    shown = ended.stdout.decode()
    assert ended.returncode == 0, ended.stderr.decode()
    assert "6 orders in" in shown
    assert all(word in shown for word in ("shipped", "waiting for approval", "dead-lettered"))
    assert "no carrier (1)" in shown
    assert "USD 99.95 captured, USD 19.99 refunded" in shown
    assert "this run in the Prefect UI: http://127.0.0.1:" in shown
    assert f"report: {terminal.home}/here/report-2" in shown
    assert "| shipped | 4 |" in (terminal.home / "here" / "report.md").read_text("utf-8")
    assert (terminal.home / "here" / "report.rejected.jsonl").is_file()
    assert lines_of(ended) == []
    await shop.check()


@pytest.mark.campaign
def test_the_file_runs_like_the_module_and_reads_standard_input(
    connected: Terminal,
) -> None:
    shop = connected.shop
    orders = Path(shop.write([shop.order(number) for number in range(10, 15)])).read_bytes()

    ended = connected.run(*FILE, "--orders", "-", "--stock", shop.stock, given=orders)

    assert ended.returncode == 0, ended.stderr.decode()
    assert "5 orders in" in ended.stdout.decode()
    assert {shop.order_id(number) for number in range(10, 15)} <= set(shop.record.shipments)


def test_help_describes_every_option(terminal: Terminal) -> None:
    ended = terminal.run(*MODULE, "--help")

    shown = " ".join(ended.stdout.decode().replace("│", " ").split())
    assert ended.returncode == 0
    for option, described in {
        "--orders": "JSON Lines, JSON, CSV or Parquet",
        "--batch-size": "1 to 512",
        "--report": "Markdown file",
        "--faults": "payments.capture:timeout=0.01",
        "--stock": "sku,on_hand,weight_grams",
        "--layout": '"shopify", "woocommerce", "amazon", or a YAML file',
        "Exit status": "4 every record was rejected",
    }.items():
        assert option in shown
        assert described in shown


def test_a_bad_option_is_refused_in_words(terminal: Terminal) -> None:
    ended = terminal.run(*MODULE, "--batch-size", "513")

    words = ended.stderr.decode()
    assert ended.returncode == 2
    assert "--batch-size" in words
    assert "<= 512" in words
    assert "Traceback" not in words
    assert "pydantic" not in words


@pytest.mark.parametrize(
    "given,status,words",
    [
        pytest.param(
            *(b"{}\n{}\n", 4, "all orders of - were rejected"), marks=pytest.mark.campaign
        ),
        pytest.param(b"", 5, "- has no orders", marks=pytest.mark.campaign),
        (b"{}\n{", 6, "- breaks off: line 2"),
    ],
)
def test_a_source_without_a_good_order_or_without_its_end_has_a_status_of_its_own(
    connected: Terminal, given: bytes, status: int, words: str
) -> None:
    ended = connected.run(*MODULE, "--orders", "-", given=given)

    assert ended.returncode == status
    [line] = lines_of(ended)
    assert words in line


@pytest.mark.parametrize(
    "arguments,words",
    [
        (("--orders", "no-such-file.jsonl"), "No such file"),
        (("--layout", "ebay"), "amazon, shopify, woocommerce, or a .yaml file of your own"),
        *(
            pytest.param(*case, marks=pytest.mark.campaign)
            for case in (
                (("--orders", "orders.xml"), "name it .jsonl"),
                (("--faults", "payments.capture:vanish=1"), "'vanish' is not one of"),
                (("--stock", "no-such-stock.csv"), "no-such-stock.csv"),
            )
        ),
    ],
)
def test_a_file_or_script_that_cannot_be_used_is_named_in_one_line(
    connected: Terminal, arguments: tuple[str, str], words: str
) -> None:
    option, name = arguments
    path = str(connected.home / name) if "." in name and ":" not in name else name

    ended = connected.run(*MODULE, option, path)

    assert ended.returncode == 2
    [line] = lines_of(ended)
    assert line.startswith("error: ")
    assert words in line


def test_a_wrong_setting_is_named(connected: Terminal) -> None:
    ended = connected.run(*MODULE, lease_seconds="0")

    assert ended.returncode == 2
    assert f"{PREFIX}LEASE_SECONDS" in ended.stderr.decode()
    assert b"Traceback" not in ended.stderr


@pytest.mark.campaign
def test_an_unexpected_error_is_explained_and_its_trace_is_in_the_log(connected: Terminal) -> None:
    broken = connected.home / "broken"
    broken.mkdir()
    (broken / "journal.db").write_bytes(b"this is no database" * 100)

    ended = connected.run(*MODULE, data=str(broken))

    assert ended.returncode == 1
    problem, next_step, details = lines_of(ended)
    assert "file is not a database" in problem
    assert f"next: check the database of the journal: {PREFIX}JOURNAL_URL" in next_step
    assert details == f"details: {broken / 'agent-flows.log'}"
    assert "Traceback" in (broken / "agent-flows.log").read_text("utf-8")


@pytest.mark.campaign
def test_a_data_folder_that_cannot_be_used_is_named(connected: Terminal) -> None:
    taken = connected.home / "taken"
    taken.write_text("a file", encoding="utf-8")

    ended = connected.run(*MODULE, data=str(taken / "data"))

    assert ended.returncode == 2
    [problem] = lines_of(ended)
    assert f"the data folder {taken}/data cannot be used: Not a directory: make it" in problem


@pytest.mark.campaign
def test_a_prefect_server_that_does_not_answer_is_named(terminal: Terminal) -> None:
    url = f"http://127.0.0.1:{free_port()}/api"

    ended = replace(terminal, server=url).run(*MODULE)

    assert ended.returncode == 1
    problem, next_step, _details = lines_of(ended)
    assert f"Failed to reach API at {url}" in problem
    assert next_step.startswith(f"next: start the Prefect server at {url}")


def test_ctrl_c_says_how_to_continue(connected: Terminal) -> None:
    shop = connected.shop
    bodies = [shop.order(number) for number in range(100, 200)]
    command = [sys.executable, *MODULE, "--orders", shop.write(bodies), "--stock", shop.stock]
    slow = ("--batch-size", "4", "--faults", "payments.capture:slow=1")
    environment = connected.environment | {f"{PREFIX}CONCURRENCY": "local"}
    with subprocess.Popen(
        [*command, *slow], cwd=ROOT, env=environment, stderr=subprocess.PIPE
    ) as running:
        before, until = shop.calls, time.monotonic() + 100
        while shop.calls < before + 60:
            assert running.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)

    assert running.returncode == 130, errors.decode()
    assert "run the same command again" in errors.decode()
    assert b"Traceback" not in errors


def lines_of(ended: subprocess.CompletedProcess[bytes]) -> list[str]:
    """The lines of standard error, which has no stack trace."""
    written = ended.stderr.decode()
    assert "Traceback" not in written
    return written.splitlines()


def test_the_time_that_is_left_fits_a_narrow_terminal() -> None:
    stats = RunStats(expected=5_000, begun=time.monotonic() - 50.0)
    assert time_left(stats, narrow=False) == ""
    stats.outcomes["shipped"] = 100
    assert time_left(stats, narrow=False) == "left: 41 min (9 of 10: 46 min)"
    assert time_left(stats, narrow=True) == "left: 41 min"
