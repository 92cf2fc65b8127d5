"""Ask a question where its answer is: in this process if it can answer, over the bus if it cannot."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from agents.runtime.context import runtime
from agents.runtime.errors import PermanentError
from agents.runtime.messaging.bus import open_bus
from agents.runtime.messaging.request_reply import A, Answerer, Q, RequestRefused, RequestReply
from agents.runtime.model.upcasting import Unreadable

ANSWER_SECONDS = 5.0  # how long an answer over the bus is waited for

_answerers: ContextVar[Mapping[str, Answerer]] = ContextVar("answerers", default={})  # noqa: B039 - never changed


@contextmanager
def answering(answerers: Sequence[Answerer]) -> Iterator[None]:
    """Within the block, `ask` gets the answers to these questions in this process, without Redis."""
    token = _answerers.set({**_answerers.get(), **{one.topic.name: one for one in answerers}})
    try:
        yield
    finally:
        _answerers.reset(token)


async def ask(contract: RequestReply[Q, A], question: Q, *, correlation: str | None = None) -> A:
    """The answer to a question, from this process or from one that serves it on the bus.

    Question and answer pass through the contract's models and versions either way. Over the bus the
    same `correlation` id is the same question, answered once: name one for a command; a question
    about a state that changes has a new id at each call. Raises RequestRefused if the answerer
    refuses, and NoReply if nobody answers within five seconds.
    """
    here = _answerers.get().get(contract.question.name)
    if here is None or here.reply is None:
        name = correlation or uuid.uuid4().hex
        async with open_bus(runtime().settings) as bus:
            return await bus.request(contract, question, correlation=name, seconds=ANSWER_SECONDS)
    try:
        text, version = await here.reply(question.model_dump_json(), contract.question.version)
    except (PermanentError, Unreadable) as error:
        raise RequestRefused(f"{contract.question.name}: {error!r}") from error
    return contract.answer.decode(text, version)
