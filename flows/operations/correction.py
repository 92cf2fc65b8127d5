"""The body that an operator corrects: whole, from a file, or field by field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from agents.runtime.errors import AgentError
from agents.runtime.journal import Journal
from agents.runtime.journal.operator_actions import OperatorAction, UnknownItem
from agents.runtime.journal.queries import item_history
from agents.runtime.model.scenario import Correction
from flows.workflows import WORKFLOWS


class BadCorrection(AgentError):
    """What an operator gave cannot be made into a body; the item is unchanged."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return self.problem


@dataclass(frozen=True, slots=True)
class Given:
    """What an operator gave: one of a whole body, a JSON file, or `FIELD=VALUE` texts."""

    body: Mapping[str, Any] | None
    values: Sequence[str]
    from_file: str | None

    async def correction(self, journal: Journal, action: OperatorAction) -> Correction:
        """The corrected body, validated.

        Raises BadCorrection, UnknownItem, and what the scenario raises for a body that breaks a rule.
        """
        if sum([self.body is not None, bool(self.values), self.from_file is not None]) != 1:
            raise BadCorrection("give one of --set FIELD=VALUE, --from-file FILE and --body JSON")
        scenario = WORKFLOWS[action.scenario].scenario
        if self.body is not None:
            return scenario.checked(action.key, dict(self.body))
        if self.from_file is not None:
            return scenario.checked(action.key, _read(Path(self.from_file)))
        found = await item_history(journal, action.scenario, action.key)
        if found is None:
            raise UnknownItem(action.scenario, action.key)
        body = orjson.loads(found.item.body or "{}")
        for text in self.values:
            _set(body, text)
        return scenario.checked(action.key, body, before=found.item.body)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(path.read_bytes())
    except OSError as error:
        raise BadCorrection(f"{path}: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise BadCorrection(f"{path}: must be JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadCorrection(f"{path}: must be one JSON object, the body of the item")
    return found


def _set(body: dict[str, Any], text: str) -> None:
    """Set one field of the body. A field that holds a text gets a text, any other one JSON."""
    path, equals, value = text.partition("=")
    *parents, last = path.split(".")
    if not equals or not all((*parents, last)):
        raise BadCorrection(f"{text!r}: must be FIELD=VALUE, such as address.city=Elko")
    holder: Any = body
    for name in parents:
        holder = _member(holder, name, path)
    before = (
        None if isinstance(holder, dict) and last not in holder else _member(holder, last, path)
    )
    new = value if before is None or isinstance(before, str) else _parsed(path, value)
    holder[int(last) if isinstance(holder, list) else last] = new


def _member(holder: Any, name: str, path: str) -> Any:
    try:
        return holder[int(name)] if isinstance(holder, list) else holder[name]
    except (KeyError, IndexError, TypeError, ValueError):
        names = list(holder) if isinstance(holder, dict) else range(len(holder or ()))
        known = ", ".join(map(str, names)) or "no fields"
        raise BadCorrection(f"{path}: there is no {name!r}; there is: {known}") from None


def _parsed(path: str, value: str) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raise BadCorrection(f"{path}={value}: the field holds no text, so give JSON") from None
