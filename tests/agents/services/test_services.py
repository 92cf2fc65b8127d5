"""The wiring: what the settings name, and the sandbox in place of the rest."""

import asyncio
import os
import signal
import time
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import AnyHttpUrl, SecretStr

from agents.invoices.services import Books, TaxOffice
from agents.runtime.child_start import DidNotStart
from agents.runtime.errors import TransientError
from agents.runtime.provided import provided
from agents.runtime.settings import Settings, SystemSettings
from agents.services import Services, connect_services
from agents.services.carriers.protocol import Carriers
from agents.services.connections import SANDBOX_DEADLINES
from agents.services.inventory.stock_file import BadStock
from agents.services.notifications.channels import Channels
from agents.services.notifications.protocol import Notifications
from agents.services.payments.protocol import Payments
from agents.services.sandbox import process
from agents.services.sandbox.address import read_address
from agents.services.sandbox.faults import BadFaultScript
from agents.services.sandbox.process import stop_sandbox
from agents.services.systems import SYSTEMS, operations, own_systems


def real(data: Path) -> Settings:
    """Settings that leave nothing to the sandbox."""
    url = AnyHttpUrl("http://127.0.0.1:9")
    return Settings(
        data=data,
        inventory_url=url,
        stripe_url=url,
        stripe_key=SecretStr("sk_test_x"),
        carriers=(SystemSettings(name="north", url=url),),
        notification_urls=(SecretStr("json://127.0.0.1:9"),),
    )


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_services_are_there_inside_the_block_only(sandbox_data: Path) -> None:
    async with connect_services(Settings(data=sandbox_data)) as connected:
        assert dict(provided()) == dict(connected)
        assert [carrier.name for carrier in connected[Carriers]] == ["swift", "bulky"]
    assert Payments not in provided()


async def test_no_sandbox_is_started_when_nothing_needs_it(tmp_path: Path) -> None:
    async with connect_services(real(tmp_path)) as connected:
        assert [carrier.name for carrier in connected[Carriers]] == ["north"]
        assert isinstance(connected[Notifications], Channels)
        with pytest.raises(TransientError):
            await connected[Payments].find("pi_1")
    assert files(tmp_path) == []


@pytest.mark.slow
async def test_a_scenarios_own_system_starts_the_sandbox_with_its_first_call(
    tmp_path: Path,
) -> None:
    async with connect_services(real(tmp_path)) as connected:
        assert files(tmp_path) == []
        assert (
            await asyncio.gather(*(connected[Books].find(f"k{n}") for n in range(8))) == [None] * 8
        )
        assert read_address(tmp_path) is not None
    stop_sandbox(tmp_path)


@pytest.mark.slow
async def test_a_sandbox_that_does_not_start_is_named_with_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "sandbox.db").mkdir()
    async with connect_services(real(tmp_path)) as connected:
        with pytest.raises(DidNotStart, match="the sandbox ended with status 1 while it started"):
            await connected[Books].find("k")


def test_every_system_is_one_line_with_a_sandbox_of_its_own() -> None:
    kinds = [system.kind for system in (*SYSTEMS, *own_systems())]
    assert [kind.__name__ for kind in kinds[:4]] == [
        "Inventory",
        "Payments",
        "Carriers",
        "Notifications",
    ]
    assert {TaxOffice, Books} <= set(kinds[4:])
    names = [operation.name for operation in operations()]
    assert len(names) == len(set(names))


async def test_a_bad_script_or_stock_file_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(BadFaultScript):
        async with connect_services(Settings(data=tmp_path), faults="seed"):
            pass
    goods = tmp_path / "goods.csv"
    goods.write_text("sku,on_hand\nA,1\n")
    with pytest.raises(BadStock, match="weight_grams"):
        async with connect_services(Settings(data=tmp_path), stock=goods):
            pass
    assert files(tmp_path) == ["goods.csv"]


@pytest.mark.slow
async def test_a_killed_sandbox_comes_back_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "WATCH_SECONDS", 0.1)
    async with connect_services(Settings(data=tmp_path)) as connected:
        paid = await connected[Payments].open("k", "o", Decimal(1), "USD", "pm_card_visa")
        address = read_address(tmp_path)
        assert address is not None
        os.kill(address.pid, signal.SIGKILL)
        assert await until_found(connected, paid.id) == paid
    stop_sandbox(tmp_path)


async def until_found(connected: Services, payment: str) -> object:
    until = time.monotonic() + 20
    while True:
        try:
            return await connected[Payments].find(payment)
        except TransientError:
            assert time.monotonic() < until


def test_only_the_sandbox_is_given_little_time() -> None:
    assert SANDBOX_DEADLINES.total == 2
