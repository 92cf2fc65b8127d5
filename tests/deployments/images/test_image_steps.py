"""The image was never built here, for lack of Docker: its steps are carried out in folders instead.

An empty environment is filled from the lock as the Dockerfile does it, the context is copied by the
rules of its ignore file, and the components run from there as the image's user, who can write to nothing
but the data folder and /tmp.
"""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deployments.components import COMPONENTS, Form, Http, Kind, component
from deployments.images.production import USER
from tests.agents.runtime.jobs import until
from tests.deployments.images.test_dockerfile import BUILD
from tests.readmes import ROOT

PYTHON = shutil.which("python3.11", path="/usr/local/bin:/usr/bin")
pytestmark = [
    pytest.mark.campaign,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may start processes of another user"),
    pytest.mark.skipif(PYTHON is None, reason="no Python 3.11 that other users may run"),
]
IGNORED = shutil.ignore_patterns("__pycache__", ".agent-flows", "manifests", "compose.yaml")


@dataclass
class Image:
    """The folders that an image would have, and the processes that run from them."""

    home: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def python(self) -> Path:
        return self.home / "venv" / "bin" / "python"

    @property
    def environment(self) -> dict[str, str]:
        """What a container would be told, and nothing of this machine's."""
        return {
            "PATH": f"{self.python.parent}:/usr/bin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "AGENT_FLOWS_DATA": str(self.home / "data"),
            "HOME": str(self.home / "data"),
            "PREFECT_HOME": str(self.home / "data" / "prefect"),
            "PWD": str(self.home / "app"),
        }

    def start(self, argv: list[str], **more: str) -> subprocess.Popen[bytes]:
        """Start a command as the image's user."""
        found = subprocess.Popen(
            argv,
            cwd=self.home / "app",
            env=self.environment | more,
            user=USER,
            group=USER,
            extra_groups=[],
            stdin=subprocess.DEVNULL,
        )
        self.running.append(found)
        return found

    def run(self, argv: list[str], **more: str) -> int:
        return self.start(argv, **more).wait(1_200)


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    home = Path(tempfile.mkdtemp(prefix="image-"))  # pytest's own folders are closed to other users
    home.chmod(0o755)
    made = Image(home)
    _install(made)
    for name in ("agents", "deployments", "flows"):
        shutil.copytree(ROOT / name, home / "app" / name, ignore=IGNORED)
    shutil.copy(ROOT / "prefect.yaml", home / "app")
    (home / "data").mkdir()
    os.chown(home / "data", USER, USER)
    yield made
    for one in made.running:
        if one.poll() is None:
            one.kill()
            one.wait()
    shutil.rmtree(home)


def _install(made: Image) -> None:
    uv = shutil.which("uv")
    assert uv is not None
    [line] = [line for line in BUILD.replace("\\\n", " ").splitlines() if "uv pip install" in line]
    steps = line.removeprefix("RUN ").replace("/opt/venv", str(made.home / "venv"))
    lock = str(ROOT / "deployments" / "requirements.lock")
    words = shlex.split(steps.replace("/build/requirements.lock", lock))
    subprocess.run([uv, "venv", "--quiet", "--python", str(PYTHON), made.home / "venv"], check=True)
    subprocess.run([uv, *words[1:], "--quiet"], check=True)
    site = next((made.home / "venv" / "lib").glob("python3.*")) / "site-packages"
    (site / "agent_flows.pth").write_text(f"{made.home / 'app'}\n")
    shutil.copy(ROOT / "agents" / "do_not_track.pth", site / "agent_flows_do_not_track.pth")
    for kind in ("py", "pth"):
        source = ROOT / "deployments" / f"scheduled_runs.{kind}"
        shutil.copy(source, site / f"agent_flows_scheduled_runs.{kind}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def test_every_component_runs_as_a_user_who_can_write_to_nothing_but_its_data(
    image: Image,
) -> None:
    before = _files(image.home / "app")
    python, ports = str(image.python), {one.name: _free_port() for one in COMPONENTS if one.port}
    api = {"PREFECT_API_URL": f"http://127.0.0.1:{ports['prefect-server']}/api"}

    async def serve(name: str) -> subprocess.Popen[bytes]:
        one, port = component(name), ports[name]
        argv = one.argv(Form.LAPTOP, python, "127.0.0.1", port)
        variable = {one.port_variable: str(port)} if one.port_variable else {}
        process = image.start(argv, **api, **variable)
        assert isinstance(one.health, Http)
        asked = [
            python,
            "-m",
            "deployments.images.healthy",
            f"http://127.0.0.1:{port}{one.health.ready}",
        ]
        await until(lambda: image.run(asked) == 0, 300)
        return process

    started = [await serve("prefect-server")]
    for one in COMPONENTS:
        if one.kind is Kind.JOB and one.replicas[Form.LAPTOP]:
            assert image.run(one.argv(Form.LAPTOP, python), **api) == 0, one.name
    started += [await serve("gateway"), await serve("worker-default")]
    consumer = component("consumer-orders").argv(Form.LAPTOP, python)
    assert image.run([*consumer, "--major", "1", "--idle-seconds", "1"], **api) == 0

    for process in reversed(started):
        assert _user_of(process.pid) == USER
        process.send_signal(signal.SIGTERM)
        process.wait(40)
    assert _files(image.home / "app") == before, "nothing was written to the image"


def _user_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_the_packages_are_those_of_the_lock_and_no_tool_of_a_build_is_among_them(
    image: Image,
) -> None:
    site = next((image.home / "venv" / "lib").glob("python3.*")) / "site-packages"
    names = {path.name.partition("-")[0].lower() for path in site.glob("*.dist-info")}
    assert {"prefect", "prefect_kubernetes", "sqlalchemy"} <= names
    assert names.isdisjoint({"pip", "uv", "wheel", "pytest", "mypy", "kubernetes_validate"})
