"""The retail tasks and the bank's articles of tau2-bench, read where they are installed.

The benchmark's own tools compute the expected accounts. They are loaded from the package inspect-evals
without the framework that it needs: stand-ins take the place of the names that they import.

Source: https://github.com/sierra-research/tau2-bench, as packaged by inspect-evals.
"""

import gzip
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
from pydantic import BaseModel

from agents.runtime.errors import AgentError

PACKAGE = "inspect_evals"
CHANGES = {
    "cancel_pending_order", "return_delivered_order_items", "exchange_delivered_order_items",
    "modify_pending_order_items", "modify_pending_order_payment", "modify_pending_order_address",
    "modify_user_address",
}  # fmt: skip


class NotInstalled(AgentError):
    """The benchmark is not installed."""

    def __str__(self) -> str:
        return "tau2-bench is not installed: run `uv sync --group evaluation` to measure with it"


@dataclass(frozen=True, slots=True)
class Action:
    """A call that a task expects."""

    name: str
    arguments: Mapping[str, Any]

    @property
    def changes(self) -> bool:
        """Whether the action changes an account."""
        return self.name in CHANGES


@dataclass(frozen=True, slots=True)
class Task:
    """A customer's reason to call, what the customer knows, and the actions that an agent should take."""

    id: str
    reason: str
    actions: Sequence[Action]
    known: str = ""


@dataclass(frozen=True, slots=True)
class Article:
    """An article of the bank's knowledge base."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """The task of a simulated customer of the bank, and the articles that answering it needs."""

    id: str
    text: str
    required: frozenset[str]


def is_installed() -> bool:
    """Whether the benchmark is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


def retail_tasks() -> list[Task]:
    """The 114 tasks of the shop. Raises NotInstalled."""
    tasks = orjson.loads((_data() / "retail" / "tasks.json").read_bytes())
    return [
        Task(
            id=task["id"],
            reason=task["user_scenario"]["instructions"]["reason_for_call"],
            actions=[
                Action(a["name"], a["arguments"]) for a in task["evaluation_criteria"]["actions"]
            ],
            known=task["user_scenario"]["instructions"]["known_info"],
        )
        for task in tasks
    ]


def retail_data() -> dict[str, Any]:
    """Products, users and orders of the shop. Raises NotInstalled."""
    data: dict[str, Any] = orjson.loads(_unpacked("retail", "db.json.gz"))
    return data


def bank() -> tuple[list[Article], list[Question]]:
    """The bank's articles and the tasks that need some of them. Raises NotInstalled."""
    articles = orjson.loads(_unpacked("banking_knowledge", "documents.json.gz"))
    tasks = orjson.loads((_data() / "banking_knowledge" / "tasks.json").read_bytes())
    return (
        [Article(a["id"], a["title"], a["content"]) for a in articles],
        [
            Question(t["id"], _text_of(t["user_scenario"]["instructions"]), frozenset(required))
            for t in tasks
            if (required := t.get("required_documents"))
        ],
    )


def _text_of(instructions: Any) -> str:
    return instructions if isinstance(instructions, str) else " ".join(instructions.values())


@contextmanager
def retail_tools(data: Mapping[str, Any]) -> Iterator[Any]:
    """The benchmark's own tools on these data, which the tools change. Raises NotInstalled."""
    before = dict(sys.modules)
    try:
        _stand_in()
        tools = importlib.import_module(f"{PACKAGE}.tau2.retail.RetailAgentTools")
        model = importlib.import_module(f"{PACKAGE}.tau2.retail.data_model")
        yield tools.RetailAgentTools(db=model.RetailDB.model_validate(data), initialized=True)
    finally:
        for name in sys.modules.keys() - before.keys():
            if name.split(".")[0] in (PACKAGE, "inspect_ai"):
                del sys.modules[name]


def _stand_in() -> None:
    """Register packages without running their `__init__`, and stand-ins for what the tools import."""
    root = _root()
    for name in ("", ".tau2", ".tau2.retail", ".tau2.environment"):
        package = ModuleType(PACKAGE + name)
        package.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
        sys.modules[package.__name__] = package
    files = dict.fromkeys(("dump_file", "load_file", "get_pydantic_hash"))
    for name, members in (
        ("inspect_ai", {}),
        ("inspect_ai.tool", {"ToolError": ValueError}),
        ("inspect_ai.util", {"StoreModel": BaseModel}),
        (f"{PACKAGE}.tau2.utils", {"TAU2_DATA_DIR": root / "tau2" / "data"} | files),
    ):
        module = ModuleType(name)
        module.__dict__.update(members)
        sys.modules[name] = module


def _root() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise NotInstalled
    return Path(found.origin).parent


def _data() -> Path:
    return _root() / "tau2" / "data" / "domains"


def _unpacked(domain: str, name: str) -> bytes:
    return gzip.decompress((_data() / domain / name).read_bytes())
