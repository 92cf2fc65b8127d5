"""An installation in production form: the commands of deployments/components.py as processes of a drill.

Two API servers behind a load balancer, the services apart, PostgreSQL, Redis, gateway, worker and two
consumers. What dies is started again at once, as an orchestrator would do.
"""

import asyncio
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from agents.runtime.journal.database import Database
from deployments.components import (
    API_URL,
    CLEANUP_URL,
    CLIENT_AUTH,
    DATA,
    DATABASE_URL,
    DOCKET_URL,
    ENCRYPTION_KEY,
    JOURNAL_URL,
    MESSAGING_URL,
    REDIS_URL,
    SCHEDULED,
    SERVER_AUTH,
    Component,
    Form,
    component,
)
from deployments.server_settings import CLIENT_SETTINGS, SERVER_SETTINGS
from tests.deployments.topology.stores import Postgresql, RedisServer, kill, until
from tests.prefect_server import ROOT, end_group, free_port

HOST = "127.0.0.1"
LOGIN = "drill:not-a-secret"
NAMES = (
    *("api-server", "services", "redis", "postgresql"),
    *("load-balancer", "gateway", "consumer", "worker"),
)
START_SECONDS = 900.0
# Of prefect.yaml: a drill needs no others.
DEPLOYED = (
    *("consumer", "consumers", "placement"),
    *(one.deployment.partition("/")[2] for one in SCHEDULED),
)


class Process:
    """A process of the installation: its command, its log, and whether it is wanted."""

    def __init__(
        self, name: str, argv: list[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.name, self._argv, self._environment = name, argv, dict(environment)
        self.log = folder / f"{name}.log"
        self.wanted = True
        self.child = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self._argv,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def replace(self, python: str) -> None:
        """End it as an orchestrator does; it is started again at once, by this interpreter."""
        before, self._argv[0] = self.child.pid, python
        self.child.terminate()
        until(lambda: self.child.pid != before)

    def revive(self) -> None:
        """Start it again if it has ended."""
        if self.wanted and self.child.poll() is not None:
            self.child = self._start()

    def close(self) -> None:
        """Kill it with all its children."""
        self.wanted = False
        end_group(self.child.pid)
        self.child.wait()


class Installation:
    """All processes; `gateway` and `api` are the addresses that callers use."""

    def __init__(self, folder: Path, postgresql: Postgresql, redis: RedisServer) -> None:
        self.folder, self.postgresql, self.redis = folder, postgresql, redis
        ports = [free_port() for _ in range(6)]
        self._servers, self._balancer, self._gateway, self._health, self._metrics = (
            ports[:2],
            *ports[2:],
        )
        self.api = f"http://{HOST}:{self._balancer}/api"
        self.gateway = f"http://{HOST}:{self._gateway}"
        self.processes: dict[str, Process] = {}
        self._ended = threading.Event()

    @property
    def journal_url(self) -> str:
        """The journal."""
        return self.postgresql.database("journal")

    @property
    def environment(self) -> dict[str, str]:
        """What each process gets."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        return (
            inherited
            | SERVER_SETTINGS
            | CLIENT_SETTINGS
            | {
                "DO_NOT_TRACK": "1",
                DATABASE_URL: self.postgresql.database("prefect"),
                SERVER_AUTH: LOGIN,
                CLIENT_AUTH: LOGIN,
                ENCRYPTION_KEY: "RHJpbGwgb25seSwgbm90IGEgc2VjcmV0LCAzMiBieXQ=",
                API_URL: self.api,
                MESSAGING_URL: self.redis.url(1),
                CLEANUP_URL: self.redis.url(2),
                DOCKET_URL: self.redis.url(3),
                JOURNAL_URL: self.journal_url,
                REDIS_URL: self.redis.url(0),
                DATA: str(self.folder / "data"),
                "AGENT_FLOWS_METRICS_PORT": str(self._metrics),
                "PREFECT_HOME": str(self.folder / "prefect"),
                "PREFECT_WORKER_QUERY_SECONDS": "2",
                "PREFECT_WORKER_HEARTBEAT_SECONDS": "5",  # three missed: a pool is not ready
                "PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "2",
                "AGENT_FLOWS_CLOUDS": '[{"name": "aws"}, {"name": "gcp"}]',
                "PWD": str(ROOT),
            }
        )

    def start(self) -> None:
        """Start all; what starts too early ends and is started again."""
        threading.Thread(target=self._supervise, daemon=True).start()
        self.job(component("prefect-migrations").argv(Form.PRODUCTION, sys.executable))
        asyncio.run(_migrate(self.journal_url))
        for number, port in enumerate(self._servers, start=1):
            alone = {"PREFECT_SERVER_REGISTER_BLOCKS_ON_START": str(number == 1)}
            self._add(f"api-server-{number}", component("prefect-server"), port, alone)
        backends = [str(port) for port in self._servers]
        balancer = (sys.executable, "-m", "tests.deployments.topology.balancer")
        self._run("load-balancer", [*balancer, str(self._balancer), *backends])
        self._add("services", component("prefect-services"))
        for number in (1, 2):
            self._add(f"consumer-{number}", component("consumer-orders"))
        self._add("consumer-others", component("consumer-others"))
        self._add("gateway", component("gateway"), self._gateway)
        self._wait(self._balancer, "/api/health")
        self.job(component("migrations").argv(Form.PRODUCTION, sys.executable))
        deployments = [word for name in DEPLOYED for word in ("-n", name)]
        self.job([sys.executable, "-m", "prefect", "--no-prompt", "deploy", *deployments])
        self.job(component("schedules").argv(Form.PRODUCTION, sys.executable))
        self._add("worker", component("worker-default"), self._health)
        self._wait(self._gateway, "/health")
        self._wait(self._health, "/health")

    @property
    def key(self) -> str:
        """The first key of the gateway, which it prints when it starts for the first time."""
        found = re.search(r"afk_\S+", self.processes["gateway"].log.read_text("utf-8"))
        assert found is not None, "the gateway has printed no key"
        return found[0]

    def job(self, argv: list[str]) -> None:
        """Run a command to its end."""
        done = subprocess.run(
            argv,
            cwd=ROOT,
            env=self.environment | {"PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "true"},
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{argv}\n{done.stdout[-2_000:]}{done.stderr[-2_000:]}"

    def kill(self, name: str) -> None:
        """Kill one component as it is named in NAMES: of several replicas, the first."""
        if name in ("postgresql", "redis"):
            store = self.postgresql if name == "postgresql" else self.redis
            store.kill()
            threading.Thread(target=store.start).start()
            return
        replica = f"{name}-1" if f"{name}-1" in self.processes else name
        kill(self.processes[replica].child.pid)

    def run(self, name: str, part: Component) -> None:
        """Run a further component under this name."""
        self._add(name, part, free_port() if part.port else 0)

    def stop(self, name: str) -> None:
        """End a process, which hands back what it holds, and do not start it again."""
        process = self.processes.pop(name)
        process.wanted = False
        process.child.terminate()
        process.child.wait(START_SECONDS)

    def lose(self, name: str) -> None:
        """Kill a process for good; what it has started lives on."""
        process = self.processes.pop(name)
        process.wanted = False
        kill(process.child.pid)
        process.child.wait()

    def close(self) -> None:
        """End all that was started."""
        self._ended.set()
        for process in reversed([*self.processes.values()]):
            process.close()

    def _add(
        self, name: str, part: Component, port: int = 0, more: Mapping[str, str] | None = None
    ) -> None:
        own = dict(part.sets) | ({part.port_variable: str(port)} if part.port_variable else {})
        argv = part.argv(Form.PRODUCTION, sys.executable, HOST, port)
        self._run(name, argv, own | dict(more or {}))

    def _run(self, name: str, argv: list[str], more: Mapping[str, str] | None = None) -> None:
        environment = self.environment | dict(more or {})
        self.processes[name] = Process(name, argv, environment, self.folder)

    def _wait(self, port: int, path: str) -> None:
        def answers() -> bool:
            try:
                url = f"http://{HOST}:{port}{path}"
                return httpx.get(url, trust_env=False, timeout=5).status_code == httpx.codes.OK
            except httpx.HTTPError:
                return False

        until(answers, START_SECONDS)

    def _supervise(self) -> None:
        while not self._ended.wait(0.2):
            for process in [*self.processes.values()]:
                process.revive()


async def _migrate(url: str) -> None:
    database = Database(url)
    await database.migrate()
    await database.close()


@contextmanager
def running_installation(folder: Path) -> Iterator[Installation]:
    """An installation of a drill, gone with all its processes at the end of the block."""
    with ExitStack() as stack:
        postgresql = Postgresql()
        stack.callback(postgresql.close)
        redis = RedisServer(folder)
        stack.callback(redis.close)
        installation = Installation(folder, postgresql, redis)
        stack.callback(installation.close)
        installation.start()
        yield installation
