"""What the pools of processes call: a function, and the same function as an agent."""

import os
import signal
import sys
from itertools import count
from pathlib import Path

from pydantic import BaseModel

import agents.analysis.clean_partition  # noqa: F401 - a process of ours has such agents loaded
from agents.runtime import CPU, agent

LIMIT = CPU.memory or 0  # bytes
_calls = count(1)


class Order(BaseModel, frozen=True):
    """What to do; a call that does not end by itself writes its process to the file `where`."""

    kind: str = "answer"
    where: str = ""


class Answer(BaseModel, frozen=True):
    """How many calls this process has had, and whether it has run the main module of its caller."""

    calls: int
    ran_main: bool


class Trap:
    """As a pickle, an instruction to whoever reads it: call `os.getpid`."""

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return os.getpid, ()


def price_order(order: Order) -> Answer:
    """Do what the order says."""
    match order.kind:
        case "loop":
            Path(order.where).write_text(str(os.getpid()), "ascii")
            while True:
                pass
        case "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        case "eat":
            bytes(LIMIT + LIMIT // 8)
        case "trap":
            return Trap()  # type: ignore[return-value]  # a bug, or worse
    return Answer(calls=next(_calls), ran_main=sys.modules["__main__"].__name__ != "__main__")


work_agent = agent(CPU)(price_order)
