"""What the wording of answers costs is held to a budget of tokens; beyond it the passages are the answer."""

import json
from collections.abc import AsyncIterator

import pytest
from llmock.scenarios import Reply, ToolCall
from llmock.testing import LLMockServer
from sqlalchemy import select

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.intake.intake import Intake, Submission
from agents.runtime.journal.capacity_admin import CapacitySetting, set_capacity
from agents.runtime.journal.scheduling_schema import quota_uses
from agents.runtime.journal.schema import steps
from agents.runtime.model.batch import Batch, RunStats
from agents.runtime.scheduling.reservations import AtLimit
from agents.runtime.settings import Settings, settings
from agents.support.models import Decided, Part, Passage, Phrased, Turn, Understood
from agents.support.phrase_turn import phrase_turn
from agents.support.scenario import TURNS

PASSAGE = Passage(document="en/a.md", section="Returns?", text="Within 30 days.", language="en")
ANSWER = {"text": "You can return it within 30 days.", "passages": [1]}
DAY = 86_400.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True),
]


@pytest.fixture
async def opened(
    journal_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Runtime]:
    """A runtime with a language model that answers each question."""
    with LLMockServer() as server:
        model = {"name": "m", "url": server.base_url("openai"), "key": "k"}
        monkeypatch.setenv("AGENT_FLOWS_MODELS", json.dumps([model]))
        settings.cache_clear()
        call = ToolCall(name="final_result", arguments=ANSWER)
        server.state.scenarios.add(Reply(tool_calls=(call,)))
        async with open_runtime(journal_settings) as opened:
            yield opened
        settings.cache_clear()


async def turns(count: int) -> Batch:
    """Turns of which it is decided that a passage answers them."""
    said = [Turn(conversation=f"c{n}", number=1, user="u", text="how long?") for n in range(count)]
    records = [Submission(one.key, one.model_dump_json(), one, 1) for one in said]
    intake = Intake(TURNS, RunStats(), lambda _rejection: None)
    batch = await anext(aiter(intake.accepted(records, count)))
    for item in batch.peek():
        item.learn(Understood.model_construct(language="en", intents=()))
        item.learn(Decided(action="answer", parts=(Part(passage=PASSAGE),)))
    return batch


async def test_the_second_answer_of_the_day_is_the_passage_itself(opened: Runtime) -> None:
    """The budget suffices for one estimate, and not for another beside what the first has used."""
    most = settings().model_tokens
    setting = CapacitySetting("model_tokens", most, "default", DAY, AtLimit.CHEAPER)
    await set_capacity(opened.journal, setting, "ann", "test")
    phrased = [item.fact(Phrased) for item in (await phrase_turn(await turns(2))).peek()]
    assert sorted(one.text for one in phrased if one) == ["", ANSWER["text"]]
    async with opened.journal.database.read() as connection:
        [used] = (await connection.execute(select(quota_uses.c.amount))).scalars()
        notes = (await connection.execute(select(steps.c.error))).scalars().all()
        kept = (await connection.execute(select(steps.c.used))).scalars().all()
    assert 0 < used < most, "what the model has used, not what it might have used"
    assert [json.loads(one)["model_tokens"] for one in kept if one] == [used]
    assert sum(bool(note and note.startswith("quote_passages ran instead")) for note in notes) == 1
