"""Rules and their unit tests by promtool, which is of Prometheus itself."""

import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from deployments.observability.__main__ import HERE
from deployments.observability.alerts import ALERTS
from deployments.observability.rules import unit_tests

PROMTOOL = shutil.which("promtool")
pytestmark = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed: it is in Debian's package prometheus"
)
RULES, TESTS = HERE / "prometheus" / "rules.yaml", HERE / "prometheus" / "tests.yaml"


def promtool(*arguments: str, given: bytes = b"") -> str:
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, *arguments], input=given, capture_output=True, check=False, timeout=300
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def test_rules_are_valid() -> None:
    assert "SUCCESS" in promtool("check", "rules", str(RULES))


def test_metrics_follow_the_conventions() -> None:
    assert promtool("check", "metrics", given=generate_latest()) == ""


@pytest.mark.slow
def test_every_alert_fires_and_is_quiet_where_its_unit_test_says() -> None:
    assert TESTS.read_text().count("alertname:") == 2 * len(ALERTS)
    assert "SUCCESS" in promtool("test", "rules", str(TESTS))


def test_a_unit_test_can_fail(tmp_path: Path) -> None:
    shutil.copy(RULES, tmp_path)
    [alert] = [one for one in ALERTS if one.word == "budget"]
    text = unit_tests([alert]).replace("'1x240'", "0.5x240").replace("1x240", "0.5x240")
    (tmp_path / "tests.yaml").write_text(text)
    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", str(tmp_path / "tests.yaml"))
