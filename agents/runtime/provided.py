"""Services by type: what a block provides, agents and other functions ask for in their signatures."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar, get_type_hints

R = TypeVar("R")

PROVIDED: ContextVar[Mapping[Any, object]] = ContextVar("provided", default={})  # noqa: B039 - never changed


@contextmanager
def provide(services: Mapping[Any, object]) -> Iterator[None]:
    """Within the block, agents that ask for one of these types get its object.

    `services` maps a type, such as the protocol of an outside system, to what stands for it.
    """
    token = PROVIDED.set({**PROVIDED.get(), **services})
    try:
        yield
    finally:
        PROVIDED.reset(token)


def provided() -> Mapping[Any, object]:
    """The services of this block, by type."""
    return PROVIDED.get()


def with_services(function: Callable[..., R]) -> Callable[..., R]:
    """The function with the services filled in that its parameters ask for by type."""
    here = provided()
    hints = get_type_hints(function)
    return partial(function, **{name: here[kind] for name, kind in hints.items() if kind in here})
