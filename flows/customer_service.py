"""Customer service: every turn of a conversation is understood, decided, carried out and answered.

Run `python -m flows.customer_service` for a conversation in the terminal, with `--file turns.jsonl
--out replies.jsonl` to answer a file of turns, and with `--evaluate` to measure the quality.
"""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
from prefect import Flow, flow
from pydantic import ValidationError

import agents.support.extra
from agents.runtime.prefect_ui import rename_run
from agents.runtime.run_files import RunFile
from agents.services.files.outcomes import ENDS_READING, SourceError
from agents.services.files.records import BadRecord, read_records
from agents.support.evaluation.simulation import Answer
from agents.support.models import Turn
from agents.support.run import ConversationRun, TurnTaken, open_run
from agents.workflow.exit_status import AllRejected, ExitStatus, problem_of, source_status
from flows.chat import chat
from flows.cli.commands import command
from flows.cli.reports import Listing, shown
from flows.conversation import answer
from flows.evaluation import evaluate

MOST_PROBLEMS = 5  # shown in the terminal; the file of replies has all


class BadTurns(AllRejected):
    """A file with a line that is not a turn."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}; no turn of the file was answered"


@flow(name="customer-service", flow_run_name="customer-service: {file}", persist_result=False)
async def serve_turns(file: str, out: str = "replies.jsonl") -> Listing:
    """Answer every turn of a file; turns of one conversation are answered in their order.

    Example: `uv run python -m flows.customer_service --file turns.jsonl --out replies.jsonl`

    Args:
        file: JSON Lines of turns, each {"conversation": ..., "user": ..., "text": ...}; the user is
            the customer who has signed in.
        out: JSON Lines file for the replies: one line for each turn, in the same order. It is a link
            to the file of the latest run, which is beside it and named after the run.

    """
    return await answer_file(file, out, answer)


async def answer_file(file: str, out: str, reply: Answer) -> Listing:
    """Answer every turn of a file; `reply` takes a batch of turns through all steps.

    Raises BadTurns and SourceError.
    """
    turns, replies = read_turns(file), RunFile.beside(Path(out))
    replies.require_free()
    await rename_run(f"customer-service: {len(turns):,} turns")
    async with open_run() as run:
        async for batch in run.accepted(turns):
            await reply(batch)
        lines = [await _line(run, turn) for turn in turns]
    text = b"".join(orjson.dumps(line) + b"\n" for line in lines).decode()
    await asyncio.to_thread(replies.write, text)
    actions = Counter("hand over" if line["handoff"] else str(line["action"]) for line in lines)
    table = [{"action": word, "turns": f"{n:,}"} for word, n in actions.most_common()]
    problems = [str(line["problem"]) for line in lines if "problem" in line]
    done = _listing(f"{len(lines) - len(problems):,} turns answered", table, file, len(turns))
    done.lines = [*problems[:MOST_PROBLEMS], f"replies: {replies.path}"]
    if problems:
        done.code = ExitStatus.FAILED
    return await shown("customer-service", done)


def _listing(title: str, table: list[dict[str, str]], file: str, turns: int) -> Listing:
    """The table, with the exit status that says whether there was a turn."""
    code = source_status(turns, 0, "")
    return Listing(title=title, table=table, code=code, wrong=problem_of(code, file, "turns"))


def read_turns(path: str) -> list[Turn]:
    """The turns of a file, numbered by conversation. Raises BadTurns and SourceError."""
    numbers: Counter[str] = Counter()
    turns = []
    for record in read_records(path):
        if isinstance(record, BadRecord):
            if record.rule in ENDS_READING:
                raise SourceError("truncated", f"{record.message}; no turn was answered", path)
            raise BadTurns(path, record.message)
        try:
            conversation = str(record.body.get("conversation"))
            numbers[conversation] += 1
            turns.append(Turn.model_validate(record.body | {"number": numbers[conversation]}))
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise BadTurns(path, f"line {record.line}: {where}: {first['msg']}") from None
    return turns


async def _line(run: ConversationRun, turn: Turn) -> dict[str, object]:
    said = {"conversation": turn.conversation, "user": turn.user, "text": turn.text}
    try:
        understood, decided, replied = await run.answered(turn)
    except TurnTaken as error:
        return said | {"reply": "", "action": "refused", "handoff": False, "problem": str(error)}
    return said | {
        "intent": understood.best.name,
        "confidence": understood.best.confidence,
        "slots": understood.slots.model_dump(mode="json", exclude_defaults=True),
        "reply": replied.text,
        "citations": list(replied.citations),
        "action": decided.request.kind if decided.request is not None else decided.action,
        "handoff": bool(replied.after.taken_over),
    }


@flow(name="enqueue-turns", flow_run_name="enqueue-turns: {file}", persist_result=False)
async def enqueue_turns(file: str) -> Listing:
    """Put every turn of a file into the queue, for consumers to answer.

    Example: `uv run python -m flows.customer_service --enqueue turns.jsonl`

    Args:
        file: JSON Lines of turns, each {"conversation": ..., "user": ..., "text": ...}; the user is
            the customer who has signed in.

    """
    turns = read_turns(file)
    await rename_run(f"enqueue-turns: {len(turns):,} turns")
    async with open_run() as run:
        await run.queued(turns)
        table = [{"outcome": word, "turns": f"{n:,}"} for word, n in run.stats.outcomes.items()]
    return _listing("enqueued", table, file, len(turns))


if __name__ == "__main__":
    others: dict[str, Flow[..., Any]] = {
        "--file": serve_turns,
        "--enqueue": enqueue_turns,
        "--evaluate": evaluate,
    }
    command(chat, others, talks=True)
