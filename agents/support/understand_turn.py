"""Understand: what somebody says becomes intents and what the message names."""

from agents.runtime.execution.decorator import agent
from agents.runtime.model.policies import PURE
from agents.support import upcasts
from agents.support.models import Turn, Understood
from agents.support.understanding.classify import understand


@agent(PURE, version="1.1", upcasts={"1.1": upcasts.understood})
def understand_turn(turn: Turn) -> Understood:
    """By the examples that come along; nothing is asked of anybody."""
    return understand(turn.text)
