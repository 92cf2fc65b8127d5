"""Objects of a bucket, in ministack's S3 and gcp-storage-emulator: found by patterns, seen to change, copied whole."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from gcp_storage_emulator.server import create_server

from agents.analysis.collecting.gathering import Gathering
from agents.analysis.collecting.object_stores import NoBucket, validator
from agents.analysis.contract import Contract
from agents.analysis.discovery import NothingThere, discover_partitions
from agents.analysis.study import Source, Study
from agents.runtime.settings import settings
from agents.services.fetching.fetcher import Fetcher
from agents.services.files.outcomes import SourceError
from tests.agents.services.fetching.strict_host import hosting
from tests.deployments.functions.local_lambda import local_lambda
from tests.prefect_server import free_port

pytestmark = pytest.mark.slow

COLUMNS = {"at": {"type": "time"}, "year": {"type": "integer"}}
CONTRACT = Contract.model_validate({"name": "x", "time": "at", "columns": COLUMNS})
KEY = {"key": "test", "secret": "test"}


Put = Callable[[str, bytes], object]


@contextmanager
def amazon(folder: Path) -> Iterator[tuple[str, Put]]:
    with local_lambda(folder) as stack:
        client = boto3.client(
            "s3", endpoint_url=stack.url, region_name="us-east-1",
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip
        client.create_bucket(Bucket="sales")
        yield stack.url, lambda key, body: client.put_object(Bucket="sales", Key=key, Body=body)


@contextmanager
def google(_: Path) -> Iterator[tuple[str, Put]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with create_server("127.0.0.1", port, in_memory=True, default_bucket="sales"):
        upload = f"{url}/upload/storage/v1/b/sales/o"

        def put(key: str, body: bytes) -> None:
            query = {"uploadType": "media", "name": key}
            kind = {"Content-Type": "text/csv"}  # every object of Google's has a type
            httpx.post(upload, params=query, content=body, headers=kind).raise_for_status()

        yield url, put


STORES = {"s3": (amazon, KEY), "gs": (google, {})}


@pytest.fixture(params=STORES)
def bucket(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Put]]:
    """The scheme of the store, and what puts an object there."""
    store, key = STORES[request.param]
    with store(tmp_path) as (url, put):
        for year in (2023, 2024):
            put(f"d/year={year}/part.csv", b"at\n2025-01-01\n")
        put("other.csv", b"at\n")
        known = [{"bucket": "sales", "endpoint": url, "studies": ["x"]} | key]
        monkeypatch.setenv("AGENT_FLOWS_FETCH_BUCKETS", json.dumps(known))
        monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path / "data"))
        settings.cache_clear()
        yield request.param, put
    settings.cache_clear()


def study(name: str, location: str) -> Study:
    return Study(name=name, sources=(Source(contract=CONTRACT, locations=(location,)),))


async def test_objects_are_partitions(bucket: tuple[str, Put], tmp_path: Path) -> None:
    scheme, put = bucket
    async with Fetcher(tmp_path / "store") as fetcher:
        found = await discover_partitions(study("x", f"{scheme}://sales/d/*/*.csv"), fetcher)
        assert [(one.name, one.folders) for one in found.partitions] == [
            ("year-2023-part", {"year": "2023"}),
            ("year-2024-part", {"year": "2024"}),
        ]
        wanted, first = Gathering(CONTRACT, "x", fetcher), found.partitions[0]
        collected = await wanted.collected(first.location, first.validator)
        assert (collected.form, collected.size) == (".csv", 14)
        assert await wanted.validator(first.location) == first.validator
        put("d/year=2023/part.csv", b"at\n")
        assert await wanted.validator(first.location) != first.validator
        every = await discover_partitions(study("x", f"{scheme}://sales/**/*.csv"), fetcher)
        assert len(every.partitions) == 3
        with pytest.raises(NothingThere):
            await discover_partitions(study("x", f"{scheme}://sales/*.parquet"), fetcher)
        with pytest.raises(SourceError, match="no such object"):
            await wanted.validator(f"{scheme}://sales/none.csv")
        with pytest.raises(NoBucket, match=r"for the study 'acme\.x'"):
            await discover_partitions(study("acme.x", f"{scheme}://sales/other.csv"), fetcher)


@pytest.mark.parametrize("own_identity", [True, False])
async def test_only_a_bucket_that_says_so_is_read_with_the_identity_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_identity: bool
) -> None:
    """Google's library signs a token itself, by the key of a service account."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    account = {
        "type": "service_account", "project_id": "p", "private_key_id": "1", "client_id": "1",
        "private_key": key.decode(), "client_email": "a@b", "token_uri": "http://127.0.0.1:1/",
    }  # fmt: skip
    (tmp_path / "account.json").write_text(json.dumps(account), encoding="utf-8")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
    with hosting() as host:
        known = {"bucket": "sales", "endpoint": host.url("/"), "own_identity": own_identity}
        monkeypatch.setenv("AGENT_FLOWS_FETCH_BUCKETS", json.dumps([known | {"studies": ["x"]}]))
        settings.cache_clear()
        with pytest.raises(SourceError, match="no such object"):
            validator("gs://sales/a.csv", "x", settings())
        sent = [{**headers} for headers in host.given]
    settings.cache_clear()
    assert sent
    is_named = ["Authorization" in headers for headers in sent]
    assert is_named == [own_identity] * len(sent)
