"""Each release reads what another release stored; what it cannot read is an error of its own."""

import json
from dataclasses import replace

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter

from agents.runtime.context import open_runtime
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.schema import items
from agents.runtime.model.policies import PURE
from agents.runtime.model.scenario import Scenario
from agents.runtime.model.upcasting import Unreadable, ordered, read
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import AnyAgent, Job, Killed, crashing_runtime, rows, run
from tests.agents.runtime.journal.operators import resume

NAMES = {
    "1.1": lambda form: {"first": form["name"], "last": ""},
    "1.10": lambda form: {"full": f"{form['first']} {form['last']}".strip()},
}


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Named(Strict):
    full: str


FULL = TypeAdapter(Named)


@pytest.mark.parametrize(
    "stored,form",
    [("1", {"name": "Ann"}), ("1.1", {"first": "Ann", "last": ""}), ("1.10", {"full": "Ann"})],
)
def test_an_older_form_passes_the_upcasts_of_later_versions(
    stored: str, form: dict[str, str]
) -> None:
    assert read(FULL, json.dumps(form), stored, "1.10", NAMES) == Named(full="Ann")


def test_unknown_fields_of_a_newer_form_are_left_out() -> None:
    newer = json.dumps({"full": "Ann", "title": "Dr"})
    assert read(FULL, newer, "1.11", "1.10", NAMES) == Named(full="Ann")
    with pytest.raises(Unreadable, match=r"stored by version 1\.10, read by 1\.10: 1 fields"):
        read(FULL, newer, "1.10", "1.10", NAMES)


@pytest.mark.parametrize("stored,here", [("2", "1.10"), ("1.10", "2"), ("10", "1.10")])
def test_another_major_version_is_never_read(stored: str, here: str) -> None:
    with pytest.raises(Unreadable, match="only code of the same major version can read it"):
        read(FULL, '{"full": "Ann"}', stored, here, NAMES)


def test_an_upcast_that_fails_makes_only_its_text_unreadable() -> None:
    for text in ('{"title": "Dr"}', "{", "7"):
        with pytest.raises(Unreadable, match=r"stored by version 1, read by 1\.10"):
            read(FULL, text, "1", "1.10", NAMES)
    with pytest.raises(Unreadable, match=r"stored by version 1\.0rc1"):
        read(FULL, '{"full": "Ann"}', "1.0rc1", "1.10", NAMES)
    with pytest.raises(Unreadable, match="AttributeError"):
        read(FULL, "[]", "1", "1.1", {"1.1": lambda form: form.title})


def test_versions_are_ordered_by_number() -> None:
    assert sorted(["1.10", "1.9", "2", "1"], key=ordered) == ["1", "1.9", "1.10", "2"]


class OldFact(Strict):
    by: str


class NewFact(OldFact):
    year: int


class NewJob(Job, frozen=True):
    by: str


OLD = Scenario("jobs", "1", Job, lambda item: f"job {item.state}")
NEW = replace(OLD, version="1.1", payload=NewJob, upcasts={"1.1": lambda form: form | {"by": ""}})


def old_workflow(crashes_at: int = -1) -> list[AnyAgent]:
    """The first release; its process crashes in the agent with this number."""

    @agent(PURE)
    def write(_job: Job) -> OldFact:
        crash(0, crashes_at)
        return OldFact(by="ann")

    @agent(PURE)
    def look(_job: Job, fact: OldFact) -> None:
        crash(1, crashes_at)
        assert fact.by == "ann"

    return [write, look]


def new_workflow(crashes_at: int = -1) -> list[AnyAgent]:
    """The next release: jobs and facts have one more field, which its agents use."""

    @agent(PURE, version="1.1", upcasts={"1.1": lambda form: form | {"year": 0}})
    def write(_job: NewJob) -> NewFact:
        crash(0, crashes_at)
        return NewFact(by="ann", year=2026)

    @agent(PURE, version="1.1")
    def look(job: NewJob, fact: NewFact) -> None:
        crash(1, crashes_at)
        assert (job.by, fact.by) == ("", "ann")

    return [write, look]


def crash(number: int, crashes_at: int) -> None:
    if number == crashes_at:
        raise Killed


@pytest.mark.parametrize("crashes_at", [0, 1])
@pytest.mark.parametrize("forward", [True, False])
async def test_one_release_finishes_what_the_other_began(
    journal_settings: Settings, crashes_at: int, forward: bool
) -> None:
    before, after = (OLD, old_workflow), (NEW, new_workflow)
    if not forward:
        before, after = after, before
    some: list[Job] = [Job(key="one", n=3) if forward else NewJob(key="one", n=3, by="")]
    async with crashing_runtime(journal_settings):
        with pytest.raises(Killed):
            await run(some, *before[1](crashes_at), scenario=before[0])
    async with open_runtime(journal_settings):
        (stored,) = [row.body for row in await rows(items)]
        assert (await resume(*after[1](), scenario=after[0])).outcomes == {"job completed": 1}
        (item,) = await rows(items)
        assert (item.body, item.version) == (stored, before[0].version), "nothing is rewritten"
