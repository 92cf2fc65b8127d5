"""Nothing is announced and nothing is sent: each command on a terminal, as somebody new to Prefect."""

import ast
import gzip
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from agents.orders import sample
from agents.services.sandbox.process import stop_sandbox
from tests.prefect_server import PREFECT, ROOT, PrefectServer, free_port, wait_until_healthy
from tests.pseudo_terminal import PseudoTerminal, refusing_proxy

STAND_INS = Path(__file__).with_name("stand_ins")
ANNOUNCEMENT = "usage data"
SECONDS = 250
# Prefect sends nothing where one of these is set, so that the tests would show nothing.
SILENT = re.compile(
    r"DO_NOT_TRACK|PREFECT_\w+|CI|CI_NAME|GITHUB_ACTIONS|GITLAB_CI|JENKINS_URL|\w+_PROXY",
    re.IGNORECASE,
)
FLOWS = sorted(
    path
    for path in (ROOT / "flows").rglob("*.py")
    if 'if __name__ == "__main__"' in path.read_text(encoding="utf-8")
    and path.stem != "local_server_process"  # no command: the server that commands start
)
# What is done with a server, and the words at its end.
USES = (
    ((sys.executable, "-m", "deployments.check"), "fits the flows"),
    ((sys.executable, "-m", "deployments.apply"), "created automation"),
    ((*PREFECT, "--no-prompt", "deploy", "--all"), "successfully created"),
    ((*PREFECT, "worker", "start", "--type", "process", "--pool", "default"), "started!"),
)


class Newcomer:
    """Somebody with a terminal and an empty PREFECT_HOME; `asked` has what would leave the machine."""

    def __init__(self, folder: Path, proxy: str, asked: list[str]) -> None:
        self.folder, self.proxy, self.asked = folder, proxy, asked
        self.home = folder / "home"

    def types(
        self, *command: str, folder: Path = ROOT, more: Mapping[str, str] | None = None
    ) -> PseudoTerminal:
        """Begin a command, with `more` in its environment."""
        environment = {
            name: value for name, value in os.environ.items() if not SILENT.fullmatch(name)
        }
        environment |= {
            "AGENT_FLOWS_DATA": str(self.folder / "data"),
            "AGENT_FLOWS_PREFECT_IDLE_SECONDS": "5",
            "HTTPS_PROXY": self.proxy,
            "HTTP_PROXY": self.proxy,
            "NO_PROXY": "127.0.0.1,localhost",
            "PREFECT_HOME": str(self.home),
            "PYTHONPATH": str(STAND_INS),
            "SENT": str(self.folder / "sent"),
        }
        return PseudoTerminal(
            command, folder, environment | dict(more or {}), self.folder / "screen"
        )

    @property
    def sent(self) -> list[str]:
        """The events that were to be sent."""
        file = self.folder / "sent"
        return file.read_text(encoding="utf-8").split() if file.exists() else []


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    with refusing_proxy() as (proxy, asked):
        yield Newcomer(tmp_path, proxy, asked)
    stop_sandbox(tmp_path / "data")


def assert_silent(newcomer: Newcomer, terminal: PseudoTerminal) -> None:
    assert ANNOUNCEMENT not in terminal.screen
    assert newcomer.sent == newcomer.asked == []


@pytest.mark.slow
def test_somebody_who_wants_to_be_counted_is(newcomer: Newcomer) -> None:
    """So the terminal and the stand-in show what the tests below must not find."""
    wish = {"DO_NOT_TRACK": "0", "PREFECT_SERVER_ANALYTICS_ENABLED": "true"}
    command = (sys.executable, "-c", "from prefect import flow")
    with newcomer.types(*command, more=wish) as terminal:
        assert terminal.wait(SECONDS) == 0
        assert ANNOUNCEMENT in terminal.screen
    assert newcomer.sent == ["first_sdk_import"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "file",
    [FLOWS[0], *(pytest.param(file, marks=pytest.mark.campaign) for file in FLOWS[1:])],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_a_file_run_from_another_folder_tells_nobody(newcomer: Newcomer, file: Path) -> None:
    with newcomer.types(sys.executable, str(file), "--help", folder=newcomer.folder) as terminal:
        assert terminal.wait(SECONDS) == 0, terminal.screen
    assert_silent(newcomer, terminal)


@pytest.mark.campaign
def test_the_first_command_of_the_readme_tells_nobody(newcomer: Newcomer) -> None:
    orders = newcomer.folder / "orders.jsonl"
    orders.write_bytes(gzip.decompress(sample.ORDERS.read_bytes()).splitlines(keepends=True)[0])
    command = (sys.executable, "-m", "flows.order_processing", "--orders", str(orders))
    with newcomer.types(*command) as terminal:
        assert terminal.wait(SECONDS) == 0, terminal.screen
        assert "1 orders in" in terminal.screen
    assert_silent(newcomer, terminal)


@pytest.mark.slow
@pytest.mark.campaign
def test_server_deployments_and_worker_tell_nobody(newcomer: Newcomer) -> None:
    """Prefect's own commands, as the README gives them; each user of the server is new to Prefect."""
    port = str(free_port())
    url = f"http://127.0.0.1:{port}/api"
    # On another port than the README's it would ask for a profile.
    start = (*PREFECT, "--no-prompt", "server", "start", "--port", port)
    with newcomer.types(*start) as server:
        wait_until_healthy(PrefectServer(url, newcomer.home), server.process, server.file)
        for command, words in USES:
            user = Newcomer(newcomer.folder / command[-1], newcomer.proxy, newcomer.asked)
            user.folder.mkdir()
            with user.types(*command, more={"PREFECT_API_URL": url}) as terminal:
                terminal.wait_for(words, SECONDS)
            assert_silent(user, terminal)
    assert_silent(newcomer, server)


def test_the_line_that_python_runs_sets_the_same_and_imports_nothing_of_ours() -> None:
    line = (ROOT / "agents/do_not_track.pth").read_text("utf-8")
    module = (ROOT / "agents/do_not_track.py").read_text("utf-8")
    of_line, of_module = (ast.unparse(ast.parse(text)) for text in (line, module))
    assert of_line.splitlines() == of_module.splitlines()[-3:]


@pytest.mark.parametrize("package", ["agents.runtime", "flows", "deployments"])
def test_a_package_that_is_not_installed_keeps_silent_too(package: str) -> None:
    code = (
        f"import sys; sys.path.append({str(ROOT)!r}); import {package}; import os;"
        "print(os.environ['DO_NOT_TRACK'], os.environ['PREFECT_SERVER_ANALYTICS_ENABLED'])"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],  # without what lies in site-packages
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["1", "false"]
