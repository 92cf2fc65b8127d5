"""Pages of conversations without a browser: what they show to whom, and what their forms do."""

import httpx
import pytest

from agents.runtime.context import runtime
from agents.runtime.intake.enqueue import enqueue
from agents.support.handover import HANDOVERS, Handover
from agents.support.models import key_of
from deployments.gateway import replies
from deployments.gateway.access import Principal, Scope
from tests.deployments.gateway.conftest import Connect
from tests.deployments.gateway.console.conftest import HTML
from tests.deployments.gateway.talking import ANN, YARA, begin, finish_handovers

READER = Principal("rea", "default", frozenset({Scope.READ}))


@pytest.fixture
async def place(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page of a conversation with one turn, which nobody answers."""
    monkeypatch.setattr(replies, "REPLY_SECONDS", 0.0)
    turns = await begin(connect(YARA))
    await connect(YARA).post(turns, json={"text": "Where is <b>it</b>?"})
    return "/console" + turns.removesuffix("/turns")


@pytest.fixture
def operator(connect: Connect) -> httpx.AsyncClient:
    made = connect(ANN)
    made.headers["accept"] = HTML
    return made


async def test_the_list_leads_to_the_transcript(operator: httpx.AsyncClient, place: str) -> None:
    listed = (await operator.get("/console/conversations")).text
    assert f'href="{place}"' in listed
    shown = (await operator.get(place)).text
    assert "Where is &lt;b&gt;it&lt;/b&gt;?" in shown
    assert "The agent answers." in shown


async def test_a_person_takes_over_writes_once_and_hands_back(
    operator: httpx.AsyncClient, place: str
) -> None:
    taken = await operator.post(f"{place}/take-over", data={"reason": "a complaint"})
    assert (taken.status_code, taken.headers["location"]) == (303, place)
    assert "ann answers in place of the agent." in (await operator.get(place)).text
    assert ">ann</td>" in (await operator.get("/console/conversations")).text
    for _ in range(2):
        await operator.post(f"{place}/messages", data={"text": "I look into it.", "sent": "f1"})
    assert (await operator.get(place)).text.count("I look into it.") == 1
    await finish_handovers()
    await operator.post(f"{place}/hand-back", data={"note": "It is found"})
    assert "The agent answers." in (await operator.get(place)).text


async def test_who_only_reads_sees_no_forms(connect: Connect, place: str) -> None:
    reader = connect(READER)
    reader.headers["accept"] = HTML
    page = await reader.get(place)
    assert page.status_code == 200
    assert "Take over" not in page.text
    refused = await reader.post(f"{place}/take-over", data={"reason": "me"})
    assert refused.status_code == 403


async def test_a_customer_who_waits_for_a_person_is_first(
    operator: httpx.AsyncClient, place: str
) -> None:
    conversation = place.rpartition("/")[2]
    key = key_of(conversation, 1)
    asked = Handover(conversation=conversation, turn=key, user="yara", reason="anger", summary="")
    await enqueue(HANDOVERS, key, asked)
    await finish_handovers()
    listed = (await operator.get("/console/conversations")).text
    assert "Customers wait for a person" in listed
    assert "anger" in listed
    assert runtime().journal.tenant == "default"


async def test_an_empty_list_says_how_it_fills(operator: httpx.AsyncClient) -> None:
    assert "Nobody has written yet" in (await operator.get("/console/conversations")).text
