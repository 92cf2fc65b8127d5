"""The whole code keeps the rules of tests/architecture.py, and each rule finds what breaks it."""

import importlib
import pkgutil
import subprocess
import tomllib
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path
from types import SimpleNamespace

import pytest

import agents
import flows
from agents.runtime.execution.agent import AGENTS
from tests import architecture as rules

ROOT = Path(__file__).resolve().parents[1]

# Readers of the environment, each with the reason.
ENVIRONMENT_READERS = {
    "agents/runtime/settings.py": "the one place",
    "agents/do_not_track.py": "keeps Prefect silent, before it is imported",
    "agents/network.py": "completes what all libraries read about proxies and certificates",
    "agents/runtime/__init__.py": "sets what the local Prefect server needs, for it to read",
    "agents/services/files/parquet_process.py": "passes a few variables to its child process",
    "flows/cli/local_server.py": "passes its own to the local Prefect server",
    "flows/cli/local_server_process.py": "tells Prefect where its pages are, before it is loaded",
    "flows/operations/bulk_worker.py": "passes its own to the workers that it starts",
    "flows/operations/serving.py": "passes its own to the consumers that it starts",
    "agents/runtime/otlp.py": "looks for OpenTelemetry's variables before it loads its SDK, which reads them",
    "agents/runtime/run_context.py": "looks for Prefect's variables without loading Prefect",
    "deployments/check.py": "checks the variables themselves",
    "deployments/up/entry.py": "is told its configuration by the process that starts it",
    "deployments/up/environment.py": "passes its own to the components that it starts",
    "deployments/up/installation.py": "the same",
    "deployments/up/production.py": "reads Prefect's secrets, which are no settings of ours",
    "deployments/up/sites.py": "the same",
    "deployments/up/supervisor.py": "passes its own to the components that it starts",
}

# A migration is never edited once it is released, so it may be long.
MIGRATIONS = "agents/runtime/journal/migrations/versions/*"

# Modules that may use HTTP: the shared client, its proxies, the adapters, the sandbox, and the client
# that users of the gateway import.
HTTP_SPEAKERS = (
    "agents/services/http.py",
    "agents/services/proxies.py",
    "agents/services/*/*.py",
    "deployments/client/*.py",
    "agents/runtime/monitor/systems.py",  # asks Prefect's server whether it is there
    "deployments/functions/cloud_run.py",  # publishes messages where no client library is needed
    "deployments/up/health.py",  # asks the components that it has started
)
KUSTOMIZE = (
    "deployments/kubernetes/manifests/base/*"  # what kustomize calls the part that overlays share
)


def listed() -> list[str]:
    """The files of the project, also those not committed yet, without what git ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(path for path in done.stdout.split("\0") if path and (ROOT / path).is_file())


FILES = listed()
CODE = [path for path in FILES if path.endswith(".py") and path.split("/")[0] in rules.CODE]
TESTS = [path for path in FILES if path.endswith(".py") and path.startswith("tests/")]


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


IN_PROCESSES = {"spin"}  # an agent's function that another agent runs in a process of its own


def load_all(package_path: list[str], prefix: str) -> list[str]:
    names = [found.name for found in pkgutil.walk_packages(package_path, prefix)]
    for name in names:
        if ".migrations" not in name:  # run by Alembic only
            importlib.import_module(name)
    return names


def test_the_code_is_found() -> None:
    assert "agents/runtime/errors.py" in CODE
    assert "tests/test_architecture.py" in TESTS


def test_every_package_is_tested() -> None:
    assert rules.untested(CODE, {path: read(path) for path in TESTS}) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert rules.circles({path: read(path) for path in CODE}) == []


def test_no_file_has_a_meaningless_name() -> None:
    named_by_us = [path for path in FILES if not fnmatch(path, KUSTOMIZE)]
    assert [path for path in named_by_us if rules.has_banned_name(path)] == []


def test_nothing_runs_text_as_code_or_unpickles_foreign_bytes() -> None:
    assert {path: found for path in CODE if (found := rules.banned_calls(read(path)))} == {}


def test_only_the_settings_read_the_environment() -> None:
    readers = {path for path in CODE if rules.reads_environment(read(path))}
    assert readers <= ENVIRONMENT_READERS.keys()


def test_only_services_speak_http() -> None:
    texts = {path: text for path in CODE if "httpx" in (text := read(path))}
    speakers = [path for path, text in texts.items() if "httpx" in rules.imported(text)]
    assert [p for p in speakers if not any(fnmatch(p, may) for may in HTTP_SPEAKERS)] == []


def test_files_and_functions_stay_small() -> None:
    checked = [path for path in CODE + TESTS if not fnmatch(path, MIGRATIONS)]
    assert [found for path in checked for found in rules.oversized(path, read(path))] == []


def test_no_file_names_a_machine_or_a_package_registry() -> None:
    assert {path: found for path in FILES if (found := rules.addresses(read(path)))} == {}


def test_every_scenario_is_held_apart_from_the_others_without_being_named() -> None:
    contracts = {
        contract["id"]: contract
        for contract in tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    }
    apart, shared = contracts["scenarios"], set(contracts["shared"]["layers"])
    assert (apart["type"], apart["modules"]) == ("independence", ["agents.*"])
    allowed = {rule.partition(" -> ")[2].removesuffix(".**") for rule in apart["ignore_imports"]}
    assert allowed == shared, "what scenarios may import is what is shared, and nothing else"


def test_every_agent_is_used_by_a_flow() -> None:
    load_all(agents.__path__, "agents.")
    modules = [importlib.import_module(name) for name in load_all(flows.__path__, "flows.")]
    ours = {name: a for name, a in AGENTS.items() if a.function.__module__.startswith("agents.")}
    assert rules.unused(ours, map(vars, modules)) == IN_PROCESSES


def test_agents_is_our_package() -> None:
    assert set(packages_distributions().get("agents", ())) <= {"agent-flows"}
    assert Path(agents.__file__ or "").resolve().is_relative_to(ROOT)


def test_exceptions_are_still_needed() -> None:
    for pattern in [*ENVIRONMENT_READERS, MIGRATIONS]:
        assert any(fnmatch(path, pattern) for path in FILES), pattern


def test_a_package_that_no_test_names_is_found() -> None:
    paths = [
        "agents/orders/payments.py",
        "agents/orders/sample/stock.py",
        "flows/a.py",
        "README.md",
    ]
    tests = {"tests/test_a.py": "from agents.orders.payments import x\nfrom flows import a\n"}
    assert rules.untested(paths, tests) == ["agents.orders.sample"]
    assert rules.untested(paths, {}) == ["agents.orders", "agents.orders.sample", "flows"]


def test_a_circle_of_imports_is_found() -> None:
    late = "def f():\n    from agents.a import x\n"
    typed = "if TYPE_CHECKING:\n    from agents import b\n"
    sources = {"agents/a.py": typed, "agents/b.py": late, "agents/c.py": "from agents.a import x"}
    assert rules.circles(sources) == [["agents.a", "agents.b"]]
    assert rules.circles(sources | {"agents/b.py": ""}) == []


@pytest.mark.parametrize(
    "path", ["flows/utils.py", "agents/base.py", "agents/common/x.py", "tests/test_helpers.py"]
)
def test_a_meaningless_name_is_found(path: str) -> None:
    assert rules.has_banned_name(path)
    assert not rules.has_banned_name("agents/runtime/databases.py")


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "exec('1')",
        "import os\nos.system('ls')",
        "from os import system",
        "import pickle",
        "from pickle import loads",
        "def f():\n    import cloudpickle",
        "yaml.load(text)",
        "from yaml import load",
        "subprocess.run('ls', shell=True)",
        "subprocess.run('ls', shell=flag)",
    ],
)
def test_a_banned_call_is_found(source: str) -> None:
    assert rules.banned_calls(source)


def test_an_allowed_call_is_not_found() -> None:
    source = (
        "import yaml, re\nyaml.safe_load(t)\nre.compile('x')\nmodel.eval()\nrun(c, shell=False)"
    )
    assert rules.banned_calls(source) == []


@pytest.mark.parametrize(
    "source",
    ["import os\nx = os.environ['A']", "from os import environ", "import os\nos.getenv('A')"],
)
def test_a_reader_of_the_environment_is_found(source: str) -> None:
    assert rules.reads_environment(source)
    assert not rules.reads_environment("import os\nos.getpid()")


def test_an_import_of_http_is_found() -> None:
    assert "httpx" in rules.imported("def f():\n    from httpx import AsyncClient")
    assert "httpx" not in rules.imported("from agents.services.http import client")


def test_an_agent_that_no_flow_imports_is_found() -> None:
    refund, lost = (SimpleNamespace(undo=None, cheaper=None) for _ in range(2))
    charge = SimpleNamespace(undo=refund, cheaper=None)
    known = {"charge": charge, "refund": refund, "lost": lost}
    assert rules.unused(known, [{"charge": charge}, {"x": 1}]) == {"lost"}


def test_a_file_or_function_that_is_too_long_is_found() -> None:
    long = "def f():\n" + "    pass\n" * 50
    assert rules.oversized("flows/a.py", long) == ["flows/a.py: f has 51 lines, 50 allowed"]
    assert rules.oversized("flows/a.py", "def f():\n" + "    pass\n" * 49) == []
    assert rules.oversized("flows/a.py", "x = 1\n" * 500) == []
    assert rules.oversized("tests/test_a.py", "x = 1\n" * 501)


@pytest.mark.parametrize("text", [*rules.REGISTRIES, *(f"{home}/me" for home in rules.HOMES[:4])])
def test_an_address_is_found(text: str) -> None:
    assert rules.addresses(f"see {text}/x for more")
    assert rules.addresses("tests/agents/home/x and a/root/b, ~/work") == []
