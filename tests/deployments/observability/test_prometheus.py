"""A real Prometheus finds processes by their files, reads the generated rules, and alerts when they are gone."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from agents.runtime.settings import Settings
from deployments.observability.rules import rules
from tests.deployments.observability.test_system_faults import consumer
from tests.prefect_server import free_port

PROMETHEUS = shutil.which("prometheus")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        PROMETHEUS is None,
        reason="prometheus is not installed: it is in Debian's package prometheus",
    ),
]
SHORT = 1.0  # seconds: no time in the rules of this drill is longer
PATIENCE = 60.0


@contextmanager
def prometheus(folder: Path, data: Path) -> Iterator[str]:
    """A Prometheus that scrapes the processes of a data folder; its address."""
    (folder / "rules.yaml").write_text(rules(longest=SHORT), "utf-8")
    files = {"files": [f"{data}/metrics/*.json"], "refresh_interval": "1s"}
    found = {"job_name": "agent-flows", "file_sd_configs": [files]}
    content = {
        "global": {
            "scrape_interval": "500ms",
            "scrape_timeout": "500ms",
            "evaluation_interval": "500ms",
        },
        "rule_files": ["rules.yaml"],
        "scrape_configs": [found],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(content), "utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [
        *(str(PROMETHEUS), f"--config.file={folder / 'prometheus.yaml'}"),
        *(f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address={address}"),
    ]
    with (
        (folder / "prometheus.log").open("wb") as log,
        subprocess.Popen(command, stderr=log) as process,
    ):
        try:
            yield f"http://{address}/api/v1"
        finally:
            process.terminate()


def asked(url: str) -> Any:
    """What Prometheus answers; nothing while it starts."""
    try:
        answer = httpx.get(url, trust_env=False, timeout=5)
    except httpx.ConnectError:
        return {}
    return answer.json()["data"] if answer.is_success else {}


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.2)


def test_processes_are_found_and_an_alert_fires_when_they_are_gone(
    own: Settings, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with prometheus(tmp_path, data) as api:
        with consumer(data, own.journal, tmp_path / "gate") as process:
            up = 'query?query=agent_flows_leases{state="alive"}'
            until(lambda: bool(asked(f"{api}/{up}").get("result")))
            [series] = asked(f"{api}/{up}")["result"]
            named = json.loads(next(data.glob("metrics/*.json")).read_text("utf-8"))[0]["labels"]
            assert named.items() <= series["metric"].items()
            until(lambda: firing(api) == set())
            process.kill()
        until(lambda: "agent-flows.unmonitored" in firing(api))


def firing(api: str) -> set[str]:
    """The alerts that fire now."""
    alerts = asked(f"{api}/alerts").get("alerts", [])
    return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}
