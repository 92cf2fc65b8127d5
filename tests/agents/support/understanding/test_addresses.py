"""An address is given in fields: in one turn or in several, with commas or without."""

import pytest

from agents.shop.accounts import PostalAddress
from agents.support.understanding.addresses import address_in, given_fields


@pytest.mark.parametrize(
    "text,expected",
    [
        ("31 Cedar Ave, Spokane 99201", ("31 Cedar Ave", "", "Spokane", "WA", "99201")),
        ("8 Fern Ct Apt 2C, Boulder, CO 80302", ("8 Fern Ct", "Apt 2C", "Boulder", "CO", "80302")),
        ("flat 6, 19 Quarry Road, Austin, Texas 78701", ("19 Quarry Road", "flat 6", "Austin", "Texas", "78701")),
        (
            "my son lives at 5 Mill Lane in Eugene until May, the zip there is 97401, so send it there",
            ("5 Mill Lane", "", "Eugene", "OR", "97401"),
        ),
        ("Ana Ruiz, 7 Palm Drive, Newtown, PA 18940", ("7 Palm Drive", "", "Newtown", "PA", "18940")),
        ("建设路12号，成都，610051", ("建设路12号", "", "成都", "", "610051")),
        ("改寄到长沙 芙蓉中路30号 2栋501室 邮编410005", ("芙蓉中路30号", "2栋501室", "长沙", "", "410005")),
        ("广东省深圳市福田区深南大道100号 518026", ("福田区深南大道100号", "", "深圳市", "广东省", "518026")),
        ("上海南京西路20号，200041", ("南京西路20号", "", "上海", "", "200041")),
    ],
)  # fmt: skip
def test_an_address_inside_a_text(text: str, expected: tuple[str, ...]) -> None:
    found = address_in(text)
    assert found is not None
    names = ("line1", "line2", "city", "state", "postal_code")
    assert tuple(getattr(found[0], name) for name in names) == expected


@pytest.mark.parametrize(
    "turns,lacks",
    [
        (("she lives at 64 Linden Street",), ("city", "postal_code")),
        (("64 Linden Street", "the town is Provo"), ("postal_code",)),
        (("the postcode is 84601", "Provo, Utah"), ("line1",)),
        (("青岛", "香港中路8号"), ("postal_code",)),
        (("邮编是266071",), ("line1", "city")),
    ],
)
def test_what_is_not_given_yet_is_missing(turns: tuple[str, ...], lacks: tuple[str, ...]) -> None:
    assert given_fields("\n".join(turns)).lacks == lacks


def test_fields_of_several_turns_are_one_address_and_a_later_one_counts() -> None:
    turns = "64 Linden Street, Provo\nzip code 84601\nno, it is 46 Linden Street"
    assert given_fields(turns).address == PostalAddress(
        line1="46 Linden Street", city="Provo", state="UT", postal_code="84601", country="US"
    )


@pytest.mark.parametrize(
    "text",
    [
        "2 of them by the way, order 55 lane 3",
        "我从北京寄来的两件",
        "it costs $98402",
        "订单123456",
    ],
)
def test_what_fits_nothing_is_no_address(text: str) -> None:
    assert address_in(text) is None
