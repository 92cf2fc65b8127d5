"""Evaluation: measure customer service on its gold set, scripted users and a public benchmark."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import get_args

import orjson
from prefect import flow

import agents.support.extra
from agents.orders.answers import ANSWERS
from agents.orders.scenario import ORDERS
from agents.runtime.context import open_runtime
from agents.runtime.execution.saga import saga
from agents.runtime.intake.intake import Intake, Submission
from agents.runtime.messaging import answering
from agents.runtime.model.batch import RunStats
from agents.runtime.prefect_ui import publish_image, publish_table, rename_run
from agents.runtime.settings import settings
from agents.support.evaluation.answering import measured_answers
from agents.support.evaluation.built import measured_built
from agents.support.evaluation.consents import measured_consents
from agents.support.evaluation.gates import broken
from agents.support.evaluation.gold import Script, scripts
from agents.support.evaluation.intents import measured_intents, probed_reasons
from agents.support.evaluation.picture import confusion_picture
from agents.support.evaluation.public import measured_public
from agents.support.evaluation.replay import replay_all
from agents.support.evaluation.retail_dialogues import begin, in_run, measured_retail, play_all
from agents.support.evaluation.retrieval import measured_bank, measured_retrieval
from agents.support.evaluation.simulation import Played, measured_dialogues, order_body, play
from agents.support.evaluation.tau2 import is_installed, retail_tasks
from agents.support.knowledge.retrieve import stale
from agents.support.models import Language
from agents.support.run import ConversationRun
from agents.support.scenario import TURNS
from agents.workflow.exit_status import ExitStatus
from flows.cli.reports import Listing
from flows.conversation import answer, answer_beside
from flows.operations.consumer import task_runs

NO_UTTERANCES = "measured on sets of our own alone, since there is no file of utterances of others"
YEAR = timedelta(days=365)  # a person has to check a document again after this time


@flow(
    name="evaluate-customer-service",
    flow_run_name="evaluate customer-service",
    persist_result=False,
)
async def evaluate(utterances: str = "") -> Listing:
    """Measure customer service on its gold set, on scripted users and, if installed, on tau2-bench.

    Exit status 1: a figure misses its gate. The last line of the output is one JSON object.

    Example: `uv run python -m flows.customer_service --evaluate`

    Args:
        utterances: CSV file of what customers of others said, with the columns utterance and intent, by
            the names of Bitext and CLINC150; by default utterances_bitext.csv and utterances_clinc.csv
            in ../shared/data, if they are there.

    """
    figures, right, predicted = measured_intents()
    figures |= measured_built()
    figures |= measured_consents(utterances)
    spoken, confusions = measured_public(utterances)
    figures |= spoken
    async with open_runtime(settings()):  # other processes may have cached the vectors
        figures |= await measured_retrieval()
        if is_installed():
            figures |= await measured_bank()
    if is_installed():
        figures |= probed_reasons(retail_tasks())
        replays = replay_all()
        figures["replays"] = float(len(replays))
        figures["replays_same"] = sum(replay.same for replay in replays) / len(replays)
    async with temporary_run() as run, task_runs(TURNS.name) as process:
        played = [await play(run, n, script, process) for n, script in enumerate(scripts())]
        figures |= await measured_answers(utterances, run, answer)
        if is_installed():
            shop = begin()
            await play_all(shop, in_run(run, partial(answer_beside, shop.answers())))
            figures |= measured_retail(shop)
    figures |= measured_dialogues(played)
    year_ago = (datetime.now(UTC) - YEAR).date().isoformat()
    unchecked = [passage for known in get_args(Language) for passage in stale(known, year_ago)]
    figures["stale_passages"] = float(len(unchecked))
    await publish_image(
        "customer-service-confusion",
        confusion_picture(right, predicted),
        "Intents: right and predicted",
    )
    return await _reported(figures, played, confusions)


async def _reported(
    figures: dict[str, float], played: list[Played], confusions: list[str]
) -> Listing:
    table = [{"figure": name, "value": f"{value:.3f}"} for name, value in figures.items()]
    await publish_table("customer-service-figures", table, "Figures of customer service")
    failed = [f"gate: {words}" for words in broken(figures)]
    alone = [] if "maybe_as_yes" in figures else [NO_UTTERANCES]
    missed = [f"{one.script.name}: {one.problem}" for one in played if one.problem]
    rounded = {name: round(value, 4) for name, value in figures.items()}
    last = orjson.dumps(rounded).decode()
    title = f"{len(failed)} gates are not passed" if failed else "all gates are passed"
    await rename_run(f"evaluate-customer-service: {title}")
    code = ExitStatus.FAILED if failed else 0
    return Listing(
        title=title,
        table=table,
        lines=[*alone, *confusions, *missed, *failed],
        code=code,
        last=last,
    )


@asynccontextmanager
async def temporary_run() -> AsyncIterator[ConversationRun]:
    """A temporary journal with an order for every script."""
    with tempfile.TemporaryDirectory() as folder:
        here = settings().model_copy(update={"data": Path(folder), "journal_url": None})
        async with open_runtime(here) as opened:
            for place, script in enumerate(scripts()):
                await _put_order(place, script)
            with answering(ANSWERS):
                yield ConversationRun(opened.journal)


async def _put_order(place: int, script: Script) -> None:
    """Put the order of a script into the journal, either queued or ended like a shipped one."""
    body, intake = order_body(place, script), Intake(ORDERS, RunStats(), reject=lambda _: None)
    key, text = ORDERS.validate(body) if ORDERS.validate is not None else ("", "")
    submission = Submission(key, text, ORDERS.read(text, ORDERS.version), 1)
    if script.order == "delivered":
        async for batch in intake.accepted([submission], 1):
            async with saga(batch):
                pass
    else:
        async for _ in intake.queued([submission], 1):
            pass
