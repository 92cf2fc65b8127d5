"""The carriers behind the contract: bad parcels and unknown carriers are refused."""

import pytest

from agents.services.carriers.sandbox import PO_BOX
from agents.services.http import Body, HttpApi
from tests.agents.services.bare import send

PARCEL = {"weight_grams": 5, "line1": "1 Elm St", "postal_code": "89501", "country": "US"}


@pytest.mark.parametrize(
    "body, status",
    [
        (None, 400),
        ({**PARCEL, "weight_grams": "5"}, 422),
        ({**PARCEL, "weight_grams": -5}, 422),
        ({**PARCEL, "postal_code": ""}, 422),
    ],
)
async def test_a_bad_parcel_is_refused(
    api: HttpApi, name: str, body: Body | None, status: int
) -> None:
    assert (await send(api, "PUT", f"/carriers/swift/shipments/{name}", body)).status == status


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
async def test_there_is_no_third_carrier(api: HttpApi, name: str, method: str) -> None:
    body = PARCEL if method == "PUT" else None
    assert (await send(api, method, f"/carriers/snail/shipments/{name}", body)).status == 404


@pytest.mark.parametrize(
    "line", ["PO Box 1", "P.O. Box 1", "p. o. box 1", "POBox 3", "Post Office Box 9"]
)
def test_a_po_box_is_seen(line: str) -> None:
    assert PO_BOX.search(line)


@pytest.mark.parametrize("line", ["1 Boxwood Lane", "Depot Boxer Street", "Polo Box Road"])
def test_a_street_is_no_po_box(line: str) -> None:
    assert not PO_BOX.search(line)
