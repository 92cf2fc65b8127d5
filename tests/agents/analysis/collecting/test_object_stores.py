"""Objects of a bucket, in ministack's S3: found by patterns, seen to change, copied whole."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from agents.analysis.collecting.gathering import Gathering
from agents.analysis.collecting.object_stores import NoBucket
from agents.analysis.contract import Contract
from agents.analysis.discovery import NothingThere, discover_partitions
from agents.analysis.study import Source, Study
from agents.runtime.settings import settings
from agents.services.fetching.fetcher import Fetcher
from agents.services.files.outcomes import SourceError
from tests.deployments.functions.local_lambda import local_lambda

pytestmark = pytest.mark.slow

COLUMNS = {"at": {"type": "time"}, "year": {"type": "integer"}}
CONTRACT = Contract.model_validate({"name": "x", "time": "at", "columns": COLUMNS})
KEY = {"key": "test", "secret": "test"}


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with local_lambda(tmp_path) as stack:
        client = boto3.client(
            "s3", endpoint_url=stack.url, region_name="us-east-1",
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip
        client.create_bucket(Bucket="sales")
        for year in (2023, 2024):
            key = f"d/year={year}/part.csv"
            client.put_object(Bucket="sales", Key=key, Body=b"at\n2025-01-01\n")
        client.put_object(Bucket="sales", Key="other.csv", Body=b"at\n")
        known = [{"bucket": "sales", "endpoint": stack.url, "studies": ["x"]} | KEY]
        monkeypatch.setenv("AGENT_FLOWS_FETCH_BUCKETS", json.dumps(known))
        monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path / "data"))
        settings.cache_clear()
        yield client
    settings.cache_clear()


def study(name: str, location: str) -> Study:
    return Study(name=name, sources=(Source(contract=CONTRACT, locations=(location,)),))


async def test_objects_are_partitions(bucket: Any, tmp_path: Path) -> None:
    async with Fetcher(tmp_path / "store") as fetcher:
        found = await discover_partitions(study("x", "s3://sales/d/*/*.csv"), fetcher)
        assert [(one.name, one.folders) for one in found.partitions] == [
            ("year-2023-part", {"year": "2023"}),
            ("year-2024-part", {"year": "2024"}),
        ]
        wanted, first = Gathering(CONTRACT, "x", fetcher), found.partitions[0]
        collected = await wanted.collected(first.location, first.validator)
        assert (collected.form, collected.size) == (".csv", 14)
        assert await wanted.validator(first.location) == first.validator
        bucket.put_object(Bucket="sales", Key="d/year=2023/part.csv", Body=b"at\n")
        assert await wanted.validator(first.location) != first.validator
        every = await discover_partitions(study("x", "s3://sales/**/*.csv"), fetcher)
        assert len(every.partitions) == 3
        with pytest.raises(NothingThere):
            await discover_partitions(study("x", "s3://sales/*.parquet"), fetcher)
        with pytest.raises(SourceError, match="no such object"):
            await wanted.validator("s3://sales/none.csv")
        with pytest.raises(NoBucket, match=r"for the study 'acme\.x'"):
            await discover_partitions(study("acme.x", "s3://sales/other.csv"), fetcher)
