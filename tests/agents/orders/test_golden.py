"""What earlier releases stored of orders is read by this one: all of it, from every agent."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import BaseModel, ConfigDict

import flows.order_processing  # noqa: F401 - it knows every agent of an order
from agents.orders.scenario import ORDERS
from agents.runtime.execution.agent import AGENTS
from agents.runtime.execution.decorator import agent
from agents.runtime.model.item import Failure
from agents.runtime.model.policies import PURE
from agents.runtime.model.upcasting import Unreadable
from agents.services.notifications.protocol import Message

CORPUS = [
    orjson.loads(line)
    for file in sorted(Path(__file__).with_name("golden").glob("*.jsonl"))
    for line in file.read_bytes().splitlines()
]
AGENTS_OF_ORDERS = {
    name for name, one in AGENTS.items() if one.function.__module__.startswith("agents.orders.")
}


def decoded(line: dict[str, str]) -> Any:
    """The stored text as this release reads it."""
    match line["kind"]:
        case "body":
            return ORDERS.read(line["text"], line["version"])
        case "stage":
            return AGENTS[line["of"]].decode(line["text"], line["version"])
        case "failure":
            return Failure(**orjson.loads(line["text"]))
    return Message(**orjson.loads(line["text"]))


@pytest.mark.parametrize("line", CORPUS, ids=lambda line: f"{line['kind']}-{line['of']}")
def test_it_is_read(line: dict[str, str]) -> None:
    assert decoded(line) is not None or line["text"] == "null"


def test_every_agent_that_states_something_is_in_it() -> None:
    steps = {line["of"] for line in CORPUS if line["kind"] == "stage"}
    # Changes and returns of an order are items of their own.
    others = {name for name in AGENTS_OF_ORDERS if name.endswith(("_return", "_exchange"))}
    assert steps == AGENTS_OF_ORDERS - {*others, "apply_change"}
    assert {line["kind"] for line in CORPUS} == {"body", "failure", "notice", "stage"}


def test_a_changed_fact_without_an_upcast_would_be_seen() -> None:
    class PaymentOpened(BaseModel):
        model_config = ConfigDict(extra="forbid")
        payment_id: str

    @agent(PURE, version="1.1")
    def open_again() -> PaymentOpened:
        raise NotImplementedError

    line = next(line for line in CORPUS if line["of"] == "open_payment")
    with pytest.raises(Unreadable, match=r"stored by version 1, read by 1\.1: 2 fields"):
        open_again.decode(line["text"], line["version"])
    AGENTS.pop("open_again")
