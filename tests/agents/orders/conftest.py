"""Real providers for the agents of an order: the sandbox, and an order that nobody else has."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from agents.orders.models import Order
from agents.orders.validate import check_order
from agents.runtime.settings import Settings
from agents.services import Services, connect_services
from agents.services.carriers.protocol import Carriers
from agents.services.inventory.protocol import Inventory
from agents.services.notifications.protocol import Notifications
from agents.services.payments.protocol import Payments
from agents.services.sandbox.process import ensure_sandbox, stop_sandbox
from tests.agents.orders.order_faults import body


@pytest.fixture(scope="session")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a running sandbox that has plenty of A-1 and of B-1, 400 g each."""
    data = tmp_path_factory.mktemp("providers")
    stock = data / "stock.csv"
    stock.write_text("sku,on_hand,weight_grams\nA-1,1000,400\nB-1,1000,400\n", "utf-8")
    ensure_sandbox(data, stock)
    yield data
    stop_sandbox(data)


@pytest.fixture
async def services(providers: Path) -> AsyncIterator[Services]:
    async with connect_services(Settings(data=providers)) as connected:
        yield connected


@pytest.fixture
def inventory(services: Services) -> Inventory:
    return services[Inventory]


@pytest.fixture
def payments(services: Services) -> Payments:
    return services[Payments]


@pytest.fixture
def carriers(services: Services) -> Carriers:
    return services[Carriers]


@pytest.fixture
def notifications(services: Services) -> Notifications:
    return services[Notifications]


@pytest.fixture
def order() -> Order:
    return check_order(body({"order_id": f"W{uuid4().hex[:12]}"}))


@pytest.fixture
def key(order: Order) -> str:
    return f"default:orders:{order.order_id}:effect:0"
