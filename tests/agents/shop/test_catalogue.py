"""Goods and customers come from files, of the sample or of one's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.orders import sample
from agents.runtime.settings import settings
from agents.shop.catalogue import catalogue, customers


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_the_sample_comes_along() -> None:
    assert len(catalogue()) == sample.VARIANT_COUNT
    assert len(customers()) == sample.CUSTOMER_COUNT
    assert all(
        method.token.startswith("pm_")
        for c in customers().values()
        for method in c.methods.values()
    )


def test_goods_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "goods.jsonl"
    path.write_text(
        '{"sku":"1","product":"p","name":"n","price":5,"options":{},"available":true}\n', "utf-8"
    )
    monkeypatch.setenv("AGENT_FLOWS_CATALOGUE", str(path))
    assert catalogue()["1"].price == 5
    path = tmp_path / "bad.jsonl"
    path.write_text('{"sku":"1"}\n', "utf-8")
    monkeypatch.setenv("AGENT_FLOWS_CATALOGUE", str(path))
    settings.cache_clear()
    with pytest.raises(ValueError, match=r"line 1: .*product"):
        catalogue()
