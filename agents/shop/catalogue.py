"""The goods of the shop and its customers, read once from files."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from agents.runtime.settings import ROOT, settings
from agents.services.files.records import BadRecord, read_records
from agents.shop.accounts import CustomerAccount, Variant

Row = TypeVar("Row", Variant, CustomerAccount)
SAMPLE = ROOT / "agents" / "orders" / "sample"


def catalogue() -> Mapping[str, Variant]:
    """What can be ordered, by SKU. Raises ValueError with file, line and field of a bad record."""
    return _catalogue(settings().catalogue or SAMPLE / "catalogue.jsonl.gz")


def customers() -> Mapping[str, CustomerAccount]:
    """Who has an account, by id. Raises ValueError with file, line and field of a bad record."""
    return _customers(settings().customers or SAMPLE / "customers.jsonl.gz")


@cache
def _catalogue(path: Path) -> Mapping[str, Variant]:
    return {v.sku: v for v in _read(path, Variant)}


@cache
def _customers(path: Path) -> Mapping[str, CustomerAccount]:
    return {c.customer: c for c in _read(path, CustomerAccount)}


def _read(path: Path, kind: type[Row]) -> list[Row]:
    rows = []
    for record in read_records(str(path)):
        if isinstance(record, BadRecord):
            raise ValueError(f"{path}: {record.message}")  # noqa: TRY004 - the file is wrong, not a type
        try:
            rows.append(kind.model_validate(record.body))
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise ValueError(f"{path}, line {record.line}: {where}: {first['msg']}") from None
    return rows
