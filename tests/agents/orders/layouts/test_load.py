"""A layout is data: each mistake in it names file, key and rule, before a row is read."""

from pathlib import Path

import pytest

from agents.orders.layouts.load import NAMES, BadLayout, load_layout, recognised
from agents.orders.layouts.schema import Dates
from tests.agents.orders.layouts.exports import read
from tests.readmes import readmes

OWN = """
table: {key: nr, delimiter: semicolon}
order:
  order_id: nr
  placed_at: {column: date, optional: true}
  customer.id: mail
  customer.name: [[first, last]]
  customer.email: mail
  address.line1: street
  address.city: city
  address.postal_code: zip
  address.country: {column: land, words: {Deutschland: DE, Italia: IT}}
  currency: {constant: EUR}
  payment_method: {constant: pm_card_visa}
lines: {sku: art, name: text, quantity: qty, unit_price: price}
money: {decimal: ",", thousands: "."}
dates: {formats: ["%d/%m/%Y"], zone: Europe/Rome}
"""
ROWS = """nr;date;mail;first;last;street;city;zip;land;art;text;qty;price;note
7;25/12/2025;a@example.com;Ann;Lee;Via 1;Roma;00118;Italia;A1;Lamp;2;1.234,50;x
7;;;;;;;;;B1;Bulb;1;0,50;y
8;25/12/2025;a@example.com;Ann;Lee;Via 1;Roma;00118;France;A1;Lamp;2;1.234,5;x
"""


def test_a_layout_of_ones_own(tmp_path: Path) -> None:
    layout, source = tmp_path / "own.yaml", tmp_path / "o.csv"
    layout.write_text(OWN, "utf-8")
    source.write_text(ROWS, "utf-8")

    [order], [rejected] = read(str(source), str(layout))

    assert (order.order_id, order.customer.name, order.address.country) == ("7", "Ann Lee", "IT")
    assert [(line.quantity, line.unit_price) for line in order.lines] == [(2, 123_450), (1, 50)]
    assert order.total == 246_950
    assert order.placed_at is not None
    assert order.placed_at.isoformat() == "2025-12-24T23:00:00+00:00"
    assert (rejected.line, rejected.rule) == (4, "words")
    assert "address.country: " in rejected.message


def test_the_layout_in_the_readme_can_be_loaded(tmp_path: Path) -> None:
    [text] = [
        block for kind, block in readmes()["agents/orders/README.md"].blocks() if kind == "yaml"
    ]
    path = tmp_path / "mine.yaml"
    path.write_text(text, "utf-8")
    assert load_layout(str(path)).dates == Dates(formats=["%d/%m/%Y %H:%M"], zone="Europe/Rome")


@pytest.mark.parametrize(
    "text,problem",
    [
        ("table: [", r"rule yaml"),
        ("table: {key: nr}\ntable: {key: nr}", r"table: is there twice.*rule yaml"),
        ("- a", r"rule type"),
        (OWN + "colour: red\n", r"colour: .*rule unknown-key"),
        (OWN.replace("delimiter: semicolon", "delimiter: ';'"), r"table\.delimiter: .*rule literal-error"),
        (OWN.replace("  order_id: nr\n", ""), r"nothing says where order_id comes from .*rule contradiction"),
        (OWN.replace("customer.name", "customer.nick"), r"order\.customer\.nick.*rule literal-error"),
        (OWN.replace("{constant: EUR}", "{constant: EUR, column: cur}"), r"order\.currency: .*rule contradiction"),
        (OWN.replace("Europe/Rome", "Europe/Atlantis"), r"dates\.zone: .*no time zone.*rule contradiction"),
        (OWN.replace(", unit_price: price", ""), r"lines: needs either a unit_price or a price"),
        (OWN.replace('thousands: "."', 'thousands: ","'), r"money: decimal and thousands are the same"),
        (OWN.replace("lines: {", "lines_: {"), r"lines: Field required \(rule missing\)"),
        ("extends: ebay\n", r"extends: .*rule unknown-layout"),
        ("!!python/object/apply:os.system [id]", r"rule yaml"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_key_and_rule(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(BadLayout, match=problem) as caught:
        load_layout(str(path))
    assert str(path) in str(caught.value)


def test_a_layout_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(BadLayout, match=r"amazon, shopify, woocommerce, or a .yaml file"):
        load_layout("ebay")
    with pytest.raises(BadLayout, match=r"rule cannot-open"):
        load_layout(str(tmp_path / "missing.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_the_layouts_that_come_along_are_whole_and_known_by_their_header(name: str) -> None:
    for header in load_layout(name).known_by:
        assert recognised(header) == name
    assert recognised(["order_id", "customer.id", "total", "lines[].sku"]) is None


def test_a_source_is_replaced_as_a_whole_and_other_keys_alone(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "extends: shopify\norder:\n  payment_method: {column: Card}\nmoney: {rest: true}\n", "utf-8"
    )
    found, base = load_layout(str(path)), load_layout("shopify")
    assert found.order["payment_method"].alternatives == [("Card",)]
    assert found.order["order_id"] == base.order["order_id"]
    assert (found.money.rest, found.money.total) == (True, base.money.total)
