"""A customer talks with the agent and with a person over HTTP."""

from dataclasses import replace

import pytest

from tests.deployments.gateway.conftest import Connect
from tests.deployments.gateway.talking import (
    ANN,
    YARA,
    answering,
    begin,
    events,
    finish_handovers,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """On SQLite: the journal's part is tested on both."""
    return sqlite_url


async def test_the_agent_answers_with_citations_as_json_and_as_events(connect: Connect) -> None:
    client = connect(YARA)
    turns = await begin(client)
    async with answering():
        asked = {"text": "how long may I return something?"}
        answer = await client.post(turns, json=asked)
        assert (answer.status_code, answer.json()["state"]) == (200, "answered")
        assert answer.json()["citations"]
        streamed = await client.post(
            turns, json={"text": "几天之内可以退货"}, headers={"Accept": "text/event-stream"}
        )
    found = events(streamed.text)
    said = "".join(data["text"] for name, data in found if name == "reply")
    name, done = found[-1]
    assert (name, done["reply"], done["number"]) == ("done", said, 2)
    assert ("citations", {"citations": done["citations"]}) in found
    read = (await client.get(turns.removesuffix("/turns"))).json()
    assert [line["by"] for line in read["lines"]] == ["customer", "agent"] * 2
    assert read["lines"][3]["text"] == said


async def test_while_a_person_answers_the_agent_is_silent(connect: Connect) -> None:
    customer, operator = connect(YARA), connect(ANN)
    turns = await begin(customer)
    place = turns.removesuffix("/turns")

    async def ask(text: str) -> dict[str, str]:
        answer: dict[str, str] = (await customer.post(turns, json={"text": text})).json()
        return answer

    async with answering():
        assert (await ask("hello"))["state"] == "answered"
        await operator.post(f"{place}/take-over", json={"reason": "a regular customer"})
        await finish_handovers()
        await operator.post(f"{place}/messages", json={"text": "I am Ann, how can I help?"})
        assert (await ask("cancel everything"))["state"] == "silent"
        assert (await ask("yes"))["state"] == "silent"
        back = await operator.post(f"{place}/hand-back", json={"note": "Your parcel is found"})
        assert back.json()["handling"] == {"by": "agent", "name": ""}
        await finish_handovers()
        after = await ask("thanks")
        assert after["state"] == "answered"
        assert "Your parcel is found" in after["reply"]
        assert "Your parcel is found" not in (await ask("hello"))["reply"]
    lines = (await customer.get(place)).json()["lines"]
    assert [line["by"] for line in lines] == [
        *("customer", "agent", "person", "customer", "customer"),
        *("customer", "agent", "customer", "agent"),
    ]


async def test_a_person_may_come_back_before_the_customer_writes(connect: Connect) -> None:
    customer, operator = connect(YARA), connect(ANN)
    turns = await begin(customer)
    place = turns.removesuffix("/turns")
    async with answering():
        for _ in range(2):
            await operator.post(f"{place}/take-over", json={"reason": "again"})
            await finish_handovers()
            handed = await operator.post(f"{place}/hand-back", json={"note": "done"})
            assert handed.status_code == 200
            await finish_handovers()
        await operator.post(f"{place}/take-over", json={"reason": "once more"})
        await finish_handovers()
        silent = await customer.post(turns, json={"text": "hello"})
    assert silent.json()["state"] == "silent"


async def test_a_person_answers_for_an_agent_that_asked_for_one(connect: Connect) -> None:
    customer, operator = connect(YARA), connect(ANN)
    turns = await begin(customer)
    place = turns.removesuffix("/turns")
    async with answering():
        await customer.post(turns, json={"text": "I want to talk to a human"})
        waiting = (await customer.get(place)).json()
        assert waiting["handling"] == {"by": "waiting", "name": ""}
        await operator.post(f"{place}/take-over", json={"reason": "asked for"})
        await operator.post(f"{place}/messages", json={"text": "Here I am."})
        back = await operator.post(f"{place}/hand-back", json={"note": "all is well"})
        assert back.json()["handling"]["by"] == "agent"
        await finish_handovers()
        answer = await customer.post(turns, json={"text": "thanks"})
    assert "all is well" in answer.json()["reply"]


async def test_a_customer_of_another_tenant_talks_as_well(connect: Connect) -> None:
    """The agent of this process remembers, and looks up, what is of the customer's own tenant."""
    theirs = replace(YARA, name="their shop", tenant="other")
    customer = connect(theirs)
    turns = await begin(customer)
    async with answering():
        texts = ("hello", "I want to talk to a human", "are you there?")
        answers = [await customer.post(turns, json={"text": text}) for text in texts]
        place = turns.removesuffix("/turns")
        states = [answer.json()["state"] for answer in answers]
        assert states == ["answered"] * 3
        assert answers[2].json()["reply"].startswith("That is with our staff now.")
        assert (await customer.get(place)).json()["handling"]["by"] == "waiting"
    assert (await connect(YARA).get(place)).status_code == 404
