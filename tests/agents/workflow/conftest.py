"""Agents that a test makes are gone after it."""

from collections.abc import Iterator

import pytest

from agents.runtime.execution.agent import AGENTS


@pytest.fixture(autouse=True)
def _agents_for_one_test() -> Iterator[None]:
    before = dict(AGENTS)
    yield
    AGENTS.clear()
    AGENTS.update(before)
