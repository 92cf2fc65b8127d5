"""Raw bytes are stored once and complete, and only from allowed places."""

from pathlib import Path

import pytest

from agents.analysis.collect_partition import collect_partition, open_fetcher
from agents.analysis.collecting.forms import form_of
from agents.analysis.collecting.pages import PagesLoop, TooManyPages
from agents.analysis.column import Column
from agents.analysis.contract import Contract
from agents.analysis.models import Collected, Partition
from agents.analysis.sample.serving import serving
from agents.analysis.study_store import StudyStore
from agents.runtime.settings import settings
from agents.services.files.outcomes import SourceError

CONTRACT = Contract(name="x", time="at", columns={"at": Column(type="time")})
PAGED = CONTRACT.model_copy(update={"follows_pages": True})


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path / "data"))
    settings.cache_clear()


def partition(location: str, **changes: object) -> Partition:
    fields = {"study": "x", "source": "x", "name": "a", "location": location, "validator": "1"}
    return Partition.model_validate(fields | {"contract": CONTRACT} | changes)


async def collected(partition: Partition) -> Collected:
    async with open_fetcher(settings(), sample=False) as fetcher:
        return await collect_partition.call(partition, fetcher)


@pytest.mark.parametrize(
    "location,form",
    [
        ("a.csv.gz", ".csv.gz"),
        ("http://x/a.JSONL?b=c.csv", ".jsonl"),
        ("a.zip", ".zip"),
        ("a", ""),
    ],
)
def test_the_suffixes_name_the_form(location: str, form: str) -> None:
    assert form_of(location) == form


async def test_a_file_is_copied_under_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"at\n")
    found = await collected(partition(str(path)))
    store = StudyStore("x").raw
    assert [p.name for p in store.iterdir()] == list(found.raw)
    assert (store / found.raw[0]).read_bytes() == b"at\n"


@pytest.mark.parametrize(
    "path", ["/dev/zero", "/proc/self/environ", "nothing.csv", "a\0b.csv", "/"]
)
async def test_only_regular_files_are_read(path: str) -> None:
    with pytest.raises(SourceError):
        await collected(partition(path))


async def test_no_file_outside_the_folder_of_sources_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "sources"
    root.mkdir()
    (root / "a.csv").write_bytes(b"at\n")
    (tmp_path / "secret.csv").write_bytes(b"at\n")
    (root / "link.csv").symlink_to(tmp_path / "secret.csv")
    monkeypatch.setenv("AGENT_FLOWS_SOURCE_ROOT", str(root))
    settings.cache_clear()
    assert (await collected(partition(str(root / "a.csv")))).size == 3
    for path in (root / "link.csv", root / ".." / "secret.csv", tmp_path / "secret.csv"):
        with pytest.raises(SourceError, match="not in the folder"):
            await collected(partition(str(path)))


async def test_pages_are_followed_up_to_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        (tmp_path / f"{n}.csv").write_bytes(b"at\n2025-01-0%d\n" % (n + 1))
    with serving(tmp_path) as server:
        monkeypatch.setenv("AGENT_FLOWS_FETCH_ALLOWED", f'["{server.host}"]')
        settings.cache_clear()
        server.following |= {"0.csv": "1.csv", "1.csv": "2.csv"}
        url = f"http://{server.host}/0.csv"
        assert len((await collected(partition(url, contract=PAGED))).raw) == 3
        assert len((await collected(partition(url))).raw) == 1
        monkeypatch.setattr("agents.analysis.collecting.pages.MAX_PAGES", 2)
        with pytest.raises(TooManyPages):
            await collected(partition(url, contract=PAGED))
        monkeypatch.setattr("agents.analysis.collecting.pages.MAX_PAGES", 5)
        server.following["1.csv"] = "0.csv"
        with pytest.raises(PagesLoop, match="page 3 was there before"):
            await collected(partition(url, contract=PAGED, validator="2"))
