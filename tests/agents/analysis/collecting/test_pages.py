"""Pages of a host that is strict and of one that misbehaves: all rows come, or an error says why they do not."""

import gzip
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from agents.analysis.cleaning.partition import clean
from agents.analysis.cleaning.reading import read_table
from agents.analysis.collecting.gathering import Gathering
from agents.analysis.collecting.pages import PagesLoop
from agents.analysis.contract import Contract
from agents.analysis.models import Collected
from agents.services.fetching.addresses import AddressNotAllowed
from agents.services.fetching.fetcher import Caps, Fetcher
from agents.services.files.outcomes import SourceError
from tests.agents.services.fetching.strict_host import MODIFIED, Host, Served, hosting

CAPS = Caps(bytes=1 << 20, seconds=1.0, connect=1, read=0.5)
COLUMNS = {"at": {"type": "time"}, "n": {"type": "integer"}}
ENVELOPE = {"items": "data.items", "next": "links.next", "total": "meta.total"}


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting() as host:
        yield host


@pytest.fixture
async def fetcher(host: Host, tmp_path: Path) -> AsyncIterator[Fetcher]:
    async with Fetcher(tmp_path, frozenset({host.host}), caps=CAPS) as fetcher:
        yield fetcher


def gathering(
    fetcher: Fetcher, collect: Mapping[str, str] = MappingProxyType({}), *, links: bool = False
) -> Gathering:
    fields = {"name": "x", "time": "at", "columns": COLUMNS, "collect": dict(collect)}
    contract = Contract.model_validate(fields | {"follows_pages": links})
    return Gathering(contract, "x", fetcher)


def good(fetcher: Fetcher, collected: Collected) -> list[int]:
    """The values of n in the good rows."""
    pages = [fetcher.store / sha256 for sha256 in collected.raw]
    contract = gathering(fetcher).contract
    return list(clean(read_table(pages, f"x{collected.form}"), contract).good["n"])


def page(numbers: list[int], following: Any = None, total: int | None = None) -> bytes:
    items = [{"at": f"2025-01-{n:02}", "n": n} for n in numbers]
    body = {"data": {"items": items}, "links": {"next": following}, "meta": {"total": total}}
    return json.dumps(body).encode()


async def test_rows_in_envelopes_are_read_page_by_page(host: Host, fetcher: Fetcher) -> None:
    """The second page repeats a row of the first, as one does when rows are added meanwhile."""
    host.documents |= {
        "/v1/rows": Served(page([1, 2], "/v1/rows?page=2", 4), etag='"1"'),
        "/v1/rows?page=2": Served(page([2, 3, 4], "", 4), modified=MODIFIED),
    }
    wanted = gathering(fetcher, ENVELOPE)
    validator = await wanted.validator(host.url("/v1/rows"))
    assert good(fetcher, await wanted.collected(host.url("/v1/rows"), validator)) == [1, 2, 3, 4]
    assert host.bodies() == 2, "what was looked at is not sent again to be collected"
    assert await wanted.validator(host.url("/v1/rows")) == validator
    assert host.bodies() == 2
    host.documents["/v1/rows?page=2"] = Served(page([3, 4, 5], None, 5))
    assert await wanted.validator(host.url("/v1/rows")) != validator


async def test_numbers_stay_as_they_are_written(host: Host, fetcher: Fetcher) -> None:
    text = '{"data" : {"items":\n[{"n": 9007199254740993, "x": 1.10}]}, "links": {}}'
    host.documents["/a"] = Served(text.encode())
    (digest,) = (await gathering(fetcher, ENVELOPE).collected(host.url("/a"), "")).raw
    assert (fetcher.store / digest).read_bytes() == b'[{"n": 9007199254740993, "x": 1.10}]'


@pytest.mark.parametrize(
    "content,error",
    [
        (page([1, 2], None, 3), "2 rows came, and the host says that there are 3"),
        (b'{"data": {"rows": []}}', "no rows at data.items; its fields are data"),
        (page([1])[:-5], "is not JSON"),
        (b'{"data": {"items": [1], "items": [2]}}', "two fields are named 'items'"),
        (page([1], {"href": "x"}), "links.next is not a URL"),
    ],
)
async def test_an_envelope_that_is_not_whole_is_an_error(
    host: Host, fetcher: Fetcher, content: bytes, error: str
) -> None:
    host.documents["/a"] = Served(content)
    with pytest.raises(SourceError, match=error):
        await gathering(fetcher, ENVELOPE).collected(host.url("/a"), "")


async def test_links_in_a_circle_are_seen_the_second_time(host: Host, fetcher: Fetcher) -> None:
    host.documents |= {
        "/1": Served(page([1], "/2")),
        "/2": Served(page([2], "/1")),
        "/same": Served(page([3], "/same?page=2")),
        "/same?page=2": Served(page([3], "/same?page=2")),
    }
    for path, asked in (("/1", 2), ("/same", 2)):
        before = host.bodies()
        with pytest.raises(PagesLoop):
            await gathering(fetcher, ENVELOPE).collected(host.url(path), "")
        assert host.bodies() - before == asked


async def test_a_host_that_ignores_the_number_of_the_page_is_found_out(
    host: Host, fetcher: Fetcher
) -> None:
    for n in range(1, 4):
        link = {"Link": f'</a?page={n + 1}>; rel="next"'}
        host.documents[f"/a?page={n}"] = Served(b"at,n\n2025-01-01,1\n", headers=link)
    with pytest.raises(PagesLoop, match="page 2 was there before"):
        await gathering(fetcher, links=True).collected(host.url("/a?page=1"), "")


async def test_a_page_that_follows_later_is_found(host: Host, fetcher: Fetcher) -> None:
    """The last page stays the same, and by its ETag too, when another one follows."""
    host.documents["/1.csv"] = Served(b"at,n\n2025-01-01,1\n", etag='"a"')
    wanted = gathering(fetcher, links=True)
    before = await wanted.validator(host.url("/1.csv"))
    host.documents["/1.csv"].headers["Link"] = '</2.csv>; rel="next"'
    host.documents["/2.csv"] = Served(b"at,n\n2025-01-02,2\n", etag='"b"')
    after = await wanted.validator(host.url("/1.csv"))
    assert before != after
    assert good(fetcher, await wanted.collected(host.url("/1.csv"), after)) == [1, 2]


async def test_a_cursor_is_sent_as_a_parameter(host: Host, fetcher: Fetcher) -> None:
    collect = {"items": "data.items", "next": "after=links.next"}
    for query, content in (
        ("?size=2", page([1, 2], "a b")),
        ("?size=2&after=a+b", page([3], 7)),
        ("?size=2&after=7", page([4])),
    ):
        host.documents[f"/x{query}"] = Served(content)
    collected = await gathering(fetcher, collect).collected(host.url("/x?size=2"), "1")
    assert good(fetcher, collected) == [1, 2, 3, 4]
    host.documents["/x?size=2&after=7"] = Served(page([4], True))
    with pytest.raises(SourceError, match=r"links\.next is not a value for a parameter"):
        await gathering(fetcher, collect).collected(host.url("/x?size=2"), "1")


@pytest.mark.parametrize("target", ["http://169.254.169.254/latest", "file:///etc/passwd"])
async def test_a_next_page_is_checked_like_any_url(
    host: Host, fetcher: Fetcher, target: str
) -> None:
    host.documents["/a"] = Served(page([1], target))
    with pytest.raises(AddressNotAllowed):
        await gathering(fetcher, ENVELOPE).collected(host.url("/a"), "")


CSV = b"at,n\n2025-01-01,1\n"


@pytest.mark.parametrize(
    "content,headers,form",
    [
        (CSV, {"Content-Type": "text/csv; charset=utf-8"}, ".csv"),
        (b"n\n1\n", {"Content-Type": "text/csv"}, ".csv"),
        (CSV, {"Content-Disposition": 'attachment; filename="Sales 1.csv"'}, ".csv"),
        (CSV, {"Content-Type": "application/octet-stream"}, ".csv"),
        (gzip.compress(CSV, mtime=0), {}, ".csv.gz"),
        (gzip.compress(CSV, mtime=0), {"Content-Encoding": "gzip"}, ".csv"),
        (b'[{"n": 1}]', {}, ".json"),
        (b'{"n": 1}\n{"n": 2}\n', {}, ".jsonl"),
    ],
)
async def test_a_document_without_a_suffix_has_the_form_that_its_host_or_content_tells(
    host: Host, fetcher: Fetcher, content: bytes, headers: dict[str, str], form: str
) -> None:
    host.documents["/export?id=3"] = Served(content, headers=headers)
    collected = await gathering(fetcher).collected(host.url("/export?id=3"), "")
    assert collected.form == form


async def test_a_packed_file_that_is_packed_for_the_way_is_one_file(
    host: Host, fetcher: Fetcher
) -> None:
    """Hosts call the packing of a .csv.gz a content coding too."""
    host.documents["/a.csv.gz"] = Served(
        gzip.compress(CSV, mtime=0), headers={"Content-Encoding": "gzip"}
    )
    host.documents["/b.csv.gz"] = Served(
        gzip.compress(gzip.compress(CSV, mtime=0)), headers={"Content-Encoding": "gzip"}
    )
    for path, form in (("/a.csv.gz", ".csv"), ("/b.csv.gz", ".csv.gz")):
        collected = await gathering(fetcher).collected(host.url(path), "")
        assert collected.form == form
        assert good(fetcher, collected) == [1]


@pytest.mark.parametrize(
    "content,rule",
    [
        (b"<!DOCTYPE html>\n<html><body>Log in, please", "web-page"),
        (b"%PDF-1.7\n\x00\x01", "unknown-format"),
        (b"just words\n", "unknown-format"),
        (b"", "unknown-format"),
        ("at,n\n".encode("utf-16"), "encoding"),
    ],
)
async def test_a_document_that_nobody_can_name_says_what_to_do(
    host: Host, fetcher: Fetcher, content: bytes, rule: str
) -> None:
    host.documents["/export"] = Served(content)
    with pytest.raises(SourceError) as error:
        await gathering(fetcher).collected(host.url("/export"), "")
    assert error.value.rule == rule
    if rule == "unknown-format":
        assert "collect: {form: csv}" in str(error.value)


async def test_the_contract_names_a_form_that_nothing_else_tells(
    host: Host, fetcher: Fetcher
) -> None:
    host.documents["/export.php"] = Served(b"n\n1\n2\n")
    collected = await gathering(fetcher, {"form": "csv"}).collected(host.url("/export.php"), "")
    assert collected.form == ".csv"
