"""A language model's server of a test's own, which answers over HTTP what a test lets it say."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from llmock.scenarios import Reply, ToolCall
from llmock.testing import LLMockServer

from agents.runtime.settings import settings


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LLMockServer]:
    """The only model of the settings."""
    with LLMockServer() as server:
        model = {"name": "m", "url": server.base_url("openai"), "key": "k"}
        monkeypatch.setenv("AGENT_FLOWS_MODELS", json.dumps([model]))
        settings.cache_clear()
        yield server
        settings.cache_clear()


def proposes(server: LLMockServer, command: dict[str, Any]) -> None:
    """From now on the model answers every request with this command."""
    server.state.scenarios.clear()
    call = ToolCall(name="final_result", arguments=command)
    server.state.scenarios.add(Reply(tool_calls=(call,), times=None))
