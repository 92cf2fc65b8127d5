"""What an analysis has left is read by its tenant alone, page by page, and can run nothing in a browser."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import insert, update

from agents.analysis.asked import EXAMPLE, Planned
from agents.analysis.contract import Contract
from agents.analysis.models import Cleaned, Partition
from agents.analysis.report import FILE, report_of
from agents.analysis.scenario import ANALYSES
from agents.analysis.study_store import QUARANTINE, StudyStore
from agents.runtime.context import runtime
from agents.runtime.intake.enqueue import enqueue
from agents.runtime.journal.schema import items, steps
from agents.runtime.settings import PREFIX, settings
from tests.deployments.gateway.conftest import ADMIN, Connect

assert isinstance(EXAMPLE, dict)
BODY: dict[str, Any] = EXAMPLE
STUDY = "default.q3"
PATHS = ("/report", "/report.html", "/quarantine", "/quarantine.csv")
PAGE = "<html><style>p { color: red }</style><p>fine</p></html>"
EVIL = "=HYPERLINK(0)"


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """SQLite alone: nothing here is about SQL."""
    return sqlite_url


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}DATA", str(tmp_path))
    settings.cache_clear()


def partition(name: str) -> Partition:
    contract = Contract.model_validate(BODY["contract"])
    return Partition(
        study=STUDY,
        source="sales",
        name=name,
        location=f"https://data.example.com/{name}.csv",
        validator="1",
        contract=contract,
    )


def quarantined(part: Partition, count: int) -> None:
    """The partition is cleaned, and these rows of it are refused."""

    def write(folder: Path) -> Cleaned:
        reasons = [{"column": "sold", "rule": "range"}]
        records = [
            {"line": n, "reasons": reasons, "row": {"shop": EVIL}} for n in range(2, count + 2)
        ]
        lines = b"".join(orjson.dumps(one) + b"\n" for one in records)
        (folder / QUARANTINE).write_bytes(lines)
        values: dict[str, Any] = {"good": 0, "deduplicated": 0, "discarded": {}}
        values |= {"rows": count, "quarantined": count, "rules": {"range": count}}
        return Cleaned(**values, part="x", sha256="0" * 64)

    StudyStore(STUDY).keep(part, write)


async def asked(*, ended: bool = True) -> None:
    """The analysis q3 with two partitions, of which rows are refused."""
    partitions = (partition("may"), partition("june"))
    for part, count in zip(partitions, (3, 4), strict=True):
        quarantined(part, count)
    accepted = await enqueue(
        ANALYSES, "q3", ANALYSES.read(orjson.dumps(BODY | {"analysis": "q3"}).decode(), "1")
    )
    facts = {"plan_analysis": Planned(partitions=partitions).model_dump_json()}
    if ended:
        facts["conclude_analysis"] = report_of(STUDY, [], None).model_dump_json()
    common = {"occurrence": 0, "version": "1", "status": "done", "attempts": 1, "at": 1.0}
    rows = [
        {"item": accepted.row.id, "agent": agent, "output": output} | common
        for agent, output in facts.items()
    ]
    async with runtime().journal.database.write() as connection:
        await connection.execute(insert(steps), rows)
        if ended:
            await connection.execute(update(items).values(state="completed", outcome="unpublished"))


async def test_rows_come_in_pages_as_json_and_as_csv_that_no_spreadsheet_runs(
    client: httpx.AsyncClient,
) -> None:
    await asked()
    found = list[Any]()
    after: str | None = None
    for _ in range(3):
        query = {"limit": "3"} | ({"after": after} if after else {})
        answer = (await client.get("/v/analyses/q3/quarantine", params=query)).json()
        found, after = found + answer["rows"], answer["next"]
    assert after is None
    places = [(row["partition"], row["line"]) for row in found]
    assert places == [("may", n) for n in (2, 3, 4)] + [("june", n) for n in (2, 3, 4, 5)]
    assert found[0]["rules"] == "sold: range"

    table = await client.get("/v/analyses/q3/quarantine.csv", params={"limit": 2})
    assert len(table.text.splitlines()) == 3
    assert table.headers["content-disposition"] == 'attachment; filename="quarantine.csv"'
    following = table.headers["link"].partition(">")[0][1:]
    assert len((await client.get(following)).text.splitlines()) == 3


@pytest.mark.parametrize("after", ["0-5", "1-1", "0-999999999999999", "7-0", "9999-3"])
async def test_a_place_that_no_page_gave_leads_to_whole_rows(
    client: httpx.AsyncClient, after: str
) -> None:
    await asked()
    answer = await client.get("/v/analyses/q3/quarantine", params={"after": after})
    assert answer.status_code == 200
    assert all(row["row"] == {"shop": EVIL} for row in answer.json()["rows"])
    assert (await client.get("/v/analyses/q3/quarantine?after=x")).status_code == 422


async def test_the_page_may_load_its_own_style_and_pictures_only(
    client: httpx.AsyncClient,
) -> None:
    await asked()
    without = await client.get("/v/analyses/q3/report.html")
    assert (without.status_code, without.json()["type"][-7:]) == (404, "no-page")
    (StudyStore(STUDY).folder / FILE).write_text(PAGE, encoding="utf-8")
    page = await client.get("/v/analyses/q3/report.html")
    assert page.text == PAGE
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert policy.endswith("frame-ancestors 'self'; sandbox")
    assert page.headers["x-content-type-options"] == "nosniff"


async def test_an_analysis_in_work_has_rows_already_and_no_report(
    client: httpx.AsyncClient,
) -> None:
    await asked(ended=False)
    answer = await client.get("/v/analyses/q3/report")
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "5")
    assert len((await client.get("/v/analyses/q3/quarantine")).json()["rows"]) == 7


async def test_an_analysis_of_another_tenant_does_not_exist(
    client: httpx.AsyncClient, connect: Connect
) -> None:
    await asked()
    other = connect(replace(ADMIN, name="eve", tenant="other"))
    for path in PATHS:
        theirs = await other.get(f"/v/analyses/q3{path}")
        unknown = await other.get(f"/v/analyses/q4{path}")
        assert theirs.status_code == unknown.status_code == 404
        assert theirs.json()["detail"].replace("q3", "q4") == unknown.json()["detail"]
    nobody = {"x-test-principal": ""}
    assert (await client.get("/v/analyses/q3/report", headers=nobody)).status_code == 401


@pytest.mark.parametrize(
    "change, rule",
    [
        ({"source": ["/etc/passwd"]}, "url"),
        ({"source": ["file:///etc/passwd"]}, "url"),
        ({"source": ["s3://sales/a.csv"]}, "url"),
        ({"source": ["sql://shop"]}, "url"),
        ({"source": ["sample:///flights-2013-01.csv.gz"]}, "url"),
        ({"source": ["https://data.example.com/a.csv", "sample"]}, "url"),
        ({"source": ["sample"]}, "sample"),
        ({"contract": None}, "missing"),
        ({"analysis": "../q3"}, "pattern"),
        ({"analysis": "a.b"}, "pattern"),
        ({"folder": "/tmp"}, "unknown-field"),
    ],
)
async def test_what_is_asked_for_is_checked(
    client: httpx.AsyncClient, change: dict[str, Any], rule: str
) -> None:
    answer = await client.post("/v/analyses", json=BODY | change)
    assert (answer.status_code, answer.json()["rule"]) == (422, rule)
