"""The installed packages are those of deployments/requirements.lock."""

import re
from importlib.metadata import distributions, version

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from deployments import lock

PIN = re.compile(r"^(?P<requirement>[^\s#][^\\]*?)\s*\\?$", re.MULTILINE)


def pins(text: str) -> dict[str, str]:
    """Name and version of each line that holds for this interpreter and platform."""
    found: dict[str, str] = {}
    for match in PIN.finditer(text):
        requirement = Requirement(match["requirement"])
        if requirement.marker is None or requirement.marker.evaluate():
            (exact,) = requirement.specifier
            found[canonicalize_name(requirement.name)] = exact.version
    return found


def disagreements(text: str, installed: dict[str, str]) -> list[str]:
    return [
        f"{name} {wanted} is locked, {installed.get(name)} is installed"
        for name, wanted in pins(text).items()
        if installed.get(name) != wanted
    ]


@pytest.fixture(scope="module")
def written() -> str:
    return lock.LOCK.read_text(encoding="utf-8")


def test_the_installed_set_agrees_with_the_lock(written: str) -> None:
    installed: dict[str, str] = {
        canonicalize_name(found.name): found.version for found in distributions()
    }
    assert len(pins(written)) > 50
    assert disagreements(written, installed) == []


def test_a_wrong_or_missing_version_is_found() -> None:
    text = (
        "# head\na==1 \\\n    --hash=sha256:0\nb==2 ; sys_platform == 'none'\nc==3\n    # via a\n"
    )
    assert pins(text) == {"a": "1", "c": "3"}
    assert disagreements(text, {"a": "1", "c": "4"}) == ["c 3 is locked, 4 is installed"]
    assert disagreements(text, {"c": "3"}) == ["a 1 is locked, None is installed"]


def test_every_file_is_locked_by_its_hash(written: str) -> None:
    requirements = [line for line in written.splitlines() if re.match(r"[^\s#]", line)]
    assert all(line.endswith(" \\") for line in requirements)


def test_the_lock_names_no_address(written: str) -> None:
    assert "://" not in written
    assert not re.search(r"(?m)^\s*-(-index|-extra-index|-find-links|i|f)\b", written)


def test_fastapi_is_one_that_prefect_works_with() -> None:
    """From 0.151 on, the server answers 422 to `prefect deploy`."""
    assert Version(version("fastapi")) < Version("0.151")


def test_a_difference_is_shown_and_equality_is_silent() -> None:
    assert lock.difference("a==1\n", "a==1\n") == ""
    assert "-a==1" in lock.difference("a==1\n", "a==2\n")


def test_check_returns_1_if_the_lock_is_stale(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setattr(lock, "export", lambda: written)
    assert lock.main(["--check"]) == 0
    monkeypatch.setattr(lock, "export", lambda: written + "more==1\n")
    assert lock.main(["--check"]) == 1
