"""Errors can be sent to other processes, and their text says what they mean."""

import copy
import importlib
import inspect
import pickle
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any, get_args, get_origin

import pytest

import agents
from agents.runtime.errors import AgentError, PermanentError, TransientError, UnknownOutcome
from tests.agents.runtime.jobs import Killed

# Arguments for the constructors of our errors, by the annotation of the parameter.
SAMPLES: dict[Any, Any] = {
    str: "text",
    int: 7,
    float: 1.5,
    Decimal: Decimal("1.5"),
    tuple[str, ...]: ("one", "two"),
    float | None: 2.5,
    str | None: "more",
    int | None: 3,
}


def kinds(root: type[AgentError] = AgentError) -> Iterator[type[AgentError]]:
    yield root
    for child in root.__subclasses__():
        yield from kinds(child)


def ours() -> list[type[AgentError]]:
    for found in pkgutil.walk_packages(agents.__path__, "agents."):
        if ".migrations" not in found.name and not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    return sorted(
        {kind for kind in kinds() if kind.__module__.startswith("agents.")},
        key=lambda k: k.__name__,
    )


def value_of(annotation: Any) -> Any:
    """A value for a parameter of this type."""
    if annotation in SAMPLES:
        return SAMPLES[annotation]
    if get_origin(annotation) is tuple and is_dataclass(first := get_args(annotation)[0]):
        return (first(**{field.name: "text" for field in fields(first)}),)  # type: ignore[operator]
    return "text"


def sample(kind: type[AgentError]) -> AgentError:
    if "__init__" not in {name for k in kind.__mro__[:-3] for name in vars(k)}:
        return kind("text")
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    given = [value_of(p.annotation) for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    return kind(*given)


@pytest.mark.parametrize("kind", ours(), ids=lambda kind: kind.__name__)
def test_every_error_is_the_same_in_another_process(kind: type[AgentError]) -> None:
    error = sample(kind)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is kind
        assert again.args == error.args
        assert vars(again) == vars(error)
        assert str(again) == str(error)


def test_the_errors_are_found() -> None:
    names = {kind.__name__ for kind in ours()}
    assert {"TransientError", "PermanentError", "Conflict", "NoCarrier"} <= names


def test_an_unknown_outcome_is_transient_and_a_permanent_error_is_not() -> None:
    assert issubclass(UnknownOutcome, TransientError)
    assert not issubclass(PermanentError, TransientError)
    assert TransientError("busy", 3).retry_after == 3
    assert TransientError("busy").retry_after is None


def test_killed_of_the_tests_is_no_exception_that_agents_catch() -> None:
    assert not issubclass(Killed, Exception)
