"""Rules for the code that a machine can check: functions from source to what breaks the rule."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

CODE = ("agents", "flows", "deployments")
BANNED_NAMES = {"utils", "helpers", "common", "misc", "manager", "base"}
BANNED_CALLS = {"eval", "exec", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load"}
BANNED_IMPORTS = {"pickle", "cloudpickle", "dill", "marshal", "shelve"}
# What each of them, and a call with a shell, has in its text.
SUSPICIOUS = re.compile(
    "|".join(["shell", *(name.rpartition(".")[2] for name in BANNED_CALLS | BANNED_IMPORTS)])
)
FILE_CEILING, FUNCTION_CEILING = 500, 50

# In parts, so that this file passes its own rule.
REGISTRIES = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "debian" + ".org")
HOMES = ("/" + "work", "/" + "root", "/" + "home", "/" + "Users", "C:" + r"\\" + "Users")
ADDRESS = re.compile(
    "|".join(
        [
            *(re.escape(host) for host in REGISTRIES),
            *(rf"(?<![\w.~-]){home}[/\\]\w" for home in HOMES),
        ]
    )
)


def addresses(text: str) -> list[str]:
    """Folders of one machine and hosts of package registries."""
    return [match.group() for match in ADDRESS.finditer(text)]


def has_banned_name(path: str) -> bool:
    """Whether the name of a file, or of a folder on its path, says nothing about its purpose."""
    return not BANNED_NAMES.isdisjoint(
        part.removesuffix(".py").removeprefix("test_") for part in PurePosixPath(path).parts
    )


def packages(paths: Iterable[str]) -> set[str]:
    """The dotted names of the packages that hold modules, as a test imports them."""
    return {
        ".".join(PurePosixPath(path).parent.parts)
        for path in paths
        if path.split("/")[0] in CODE and path.endswith(".py")
        if not path.endswith("__init__.py") and "/migrations/" not in path  # Alembic runs those
    }


def untested(paths: Iterable[str], tests: Mapping[str, str]) -> list[str]:
    """Packages that no test names, neither in an import nor as the module of a child process.

    `paths` are the files of the code, `tests` the sources of the tests by their paths.
    """
    named = " ".join(tests.values())
    return sorted(
        name
        for name in packages(paths)
        if not re.search(rf"(?<![\w.]){re.escape(name)}(\.\w+)?( import |\"| |\))", named)
    )


def circles(sources: Mapping[str, str]) -> list[list[str]]:
    """Groups of modules that import each other, late and type-only imports included.

    `sources` are the files of the code by their paths.
    """
    names = {_module_of(path): source for path, source in sources.items()}
    graph = {name: _imports(name, source, names) for name, source in names.items()}
    reach = {name: _reachable(graph, name) for name in graph}
    groups = {tuple(sorted(b for b in reach[a] if a in reach[b])) for a in graph if a in reach[a]}
    return sorted(map(list, groups))


def _module_of(path: str) -> str:
    parts = list(PurePosixPath(path).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(here: str, source: str, names: Mapping[str, str]) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        for module in _modules(node):
            parent = module.rpartition(".")[0]
            found |= {name for name in (module, parent) if name in names}
            if module in names and parent in names:
                found.discard(parent)
    return found - {here}


def _reachable(graph: Mapping[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    todo = list(graph[start])
    while todo:
        if (name := todo.pop()) not in seen:
            seen.add(name)
            todo += graph[name]
    return seen


def banned_calls(source: str) -> list[str]:
    """Calls and imports that run text as code or unpickle foreign bytes."""
    if not SUSPICIOUS.search(source):  # to parse all files takes seconds
        return []
    return [found for node in ast.walk(ast.parse(source)) for found in _banned(node)]


def _banned(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        if (name := ast.unparse(node.func)) in BANNED_CALLS:
            yield name
        for keyword in node.keywords:
            if keyword.arg == "shell" and ast.unparse(keyword.value) != "False":
                yield "shell=True"
    for module in _modules(node):
        if module.split(".")[0] in BANNED_IMPORTS or module in BANNED_CALLS:
            yield module


def imported(source: str) -> set[str]:
    """The top-level packages that a module imports, wherever in it."""
    nodes = ast.walk(ast.parse(source))
    return {module.split(".")[0] for node in nodes for module in _modules(node)}


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def reads_environment(source: str) -> bool:
    """Whether a module looks at the environment's variables."""
    if "environ" not in source and "getenv" not in source:
        return False
    names = {"os.environ", "os.environb", "os.getenv"}
    return any(
        (isinstance(node, ast.Attribute) and ast.unparse(node) in names)
        or not names.isdisjoint(_modules(node))
        for node in ast.walk(ast.parse(source))
    )


def unused(agents: Mapping[str, Any], namespaces: Iterable[Mapping[str, object]]) -> set[str]:
    """Names of agents that no flow imports, and that neither undo nor replace an imported agent."""
    values = [value for namespace in namespaces for value in namespace.values()]
    used = [agent for agent in agents.values() if any(agent is value for value in values)]
    kept = {id(one) for agent in used for one in (agent, agent.undo, agent.cheaper)}
    return {name for name, agent in agents.items() if id(agent) not in kept}


def oversized(path: str, source: str) -> list[str]:
    """The file and the functions that are longer than allowed."""
    lines = len(source.splitlines())
    found = [f"{path}: {lines} lines, {FILE_CEILING} allowed"] if lines > FILE_CEILING else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_CEILING:
                found.append(f"{path}: {node.name} has {length} lines, {FUNCTION_CEILING} allowed")
    return found
