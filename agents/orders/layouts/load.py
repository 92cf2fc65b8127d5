"""Layouts by name or file, and which of them the header of a table belongs to."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from agents.orders.layouts.schema import Layout
from agents.runtime import AgentError

FOLDER = Path(__file__).parent
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))
RULES = {"extra_forbidden": "unknown-key", "missing": "missing", "value_error": "contradiction"}


class BadLayout(AgentError):
    """A layout that cannot be used; `problems` name key and rule."""

    def __init__(self, file: str, problems: tuple[str, ...]) -> None:
        super().__init__(file, problems)
        self.file, self.problems = file, problems

    def __str__(self) -> str:
        return f"layout {self.file}: " + "; ".join(self.problems)


def load_layout(name: str) -> Layout:
    """The layout of this name, or in this YAML file. Raises BadLayout.

    A file may begin with `extends: shopify` and then say only what is different.
    """
    if name not in NAMES and not name.endswith((".yaml", ".yml")):
        known = ", ".join(NAMES)
        raise BadLayout(
            name, (f"should be {known}, or a .yaml file of your own (rule unknown-layout)",)
        )
    try:
        return Layout.model_validate(_document(name))
    except ValidationError as error:
        raise BadLayout(
            name, tuple(_problem(one) for one in error.errors(include_url=False))
        ) from None


@cache
def _known() -> dict[str, Layout]:
    return {name: load_layout(name) for name in NAMES}


def recognised(header: Sequence[str]) -> str | None:
    """The name of the layout that a header belongs to."""
    for name, layout in _known().items():
        if any(set(some) <= set(header) for some in layout.known_by):
            return name
    return None


def _document(name: str) -> dict[str, Any]:
    path = FOLDER / f"{name}.yaml" if name in NAMES else Path(name)
    try:
        text = path.read_text("utf-8")
        _require_unique(yaml.compose(text, yaml.SafeLoader))
        found = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise BadLayout(name, (f"cannot be read: {error} (rule cannot-open)",)) from None
    except yaml.YAMLError as error:
        raise BadLayout(name, (f"{_in_a_line(error)} (rule yaml)",)) from None
    if not isinstance(found, dict):
        raise BadLayout(name, ("should have keys such as table, order and lines (rule type)",))
    base = found.pop("extends", None)
    if base is None:
        return found
    if base not in NAMES:
        raise BadLayout(name, (f"extends: should be {', '.join(NAMES)} (rule unknown-layout)",))
    return _over(_document(base), found)


def _require_unique(node: yaml.Node | None) -> None:
    """Raise YAMLError for a key that is there twice, of which YAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        for key, value in node.value:
            if keys.count(key.value) > 1:
                text = f"{key.value}: is there twice"
                raise yaml.MarkedYAMLError(problem=text, problem_mark=key.start_mark)
            _require_unique(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _require_unique(value)


def _over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The base with what is different; a source (column, constant) is replaced as a whole."""
    merged = dict(base)
    for key, value in own.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict) and not _is_source(before, value):
            merged[key] = _over(before, value)
        else:
            merged[key] = value
    return merged


def _is_source(*values: Mapping[str, Any]) -> bool:
    return any(value.keys() & {"column", "constant"} for value in values)


def _problem(error: Any) -> str:
    rule = RULES.get(error["type"], error["type"].replace("_", "-"))
    key = ".".join(map(str, error["loc"]))
    words = error["msg"].removeprefix("Value error, ")
    return f"{key}: {words} (rule {rule})" if key else f"{words} (rule {rule})"


def _in_a_line(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())
