"""A YAML or JSON file and the line of each of its fields, for messages about what is wrong with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

BOOLEAN = "tag:yaml.org,2002:bool"


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and what is wrong with it as YAML: two keys of one name, or a key that is no text."""

    body: Any
    problems: tuple[str, ...]
    root: yaml.Node | None

    def line(self, path: Sequence[str | int]) -> int:
        """The line of the field at this path, or of the nearest one around it that there is."""
        node, line = self.root, 1
        for step in path:
            found = next((pair for pair in _children(node) if pair[0] == step), None)
            if found is None:
                break
            _, line, node = found
        return line


def read_document(path: str | Path) -> Document:
    """Read a file. Raises OSError, UnicodeDecodeError and yaml.YAMLError."""
    text = Path(path).read_text("utf-8-sig")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return Document(yaml.safe_load(text), tuple(_problems(root, set())), root)


def _children(node: yaml.Node | None) -> Iterator[tuple[str | int, int, yaml.Node]]:
    """Name or place, line and node of everything directly below."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key.value, key.start_mark.line + 1, value
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield number, value.start_mark.line + 1, value


def _problems(node: yaml.Node | None, seen: set[int]) -> Iterator[str]:
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    lines: dict[Any, int] = {}
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        line = key.start_mark.line + 1
        if key.tag == BOOLEAN:
            yield f"line {line}: YAML reads the name {key.value} as a boolean: write it in quotes"
        if not isinstance(key.value, str):
            continue
        if key.value in lines:
            yield f"line {line}: {key.value!r} is in line {lines[key.value]} already"
        lines.setdefault(key.value, line)
    for _, _, child in _children(node):
        yield from _problems(child, seen)
