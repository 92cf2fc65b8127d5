"""An amount or a date is taken only if it can be read in one way."""

import pytest

from agents.orders.layouts.amounts import instant, minor_units
from agents.orders.layouts.schema import Dates, Money
from agents.workflow.fields import BrokenRule


@pytest.mark.parametrize(
    "text,amount",
    [("10", 1_000), ("34,90", 3_490), ("34.90", 3_490), ("1.234,50", 123_450), ("1,234.50", 123_450),
     ("1.234.567", 123_456_700), ("0.500", 50), ("12345,678", None), ("-3.85", -385), ("1.5", 150),
     ("1.234", None), ("1,234", None), ("1.234.56", None), ("1,23,456", None), ("12.34,5", None),
     ("", None), ("abc", None), ("1e3", None), ("\u0661", None), ("$5", None), ("5 ", None),
     ("1.2.3", None), ("9" * 50, None), ("1,234,567.891", None)],
)  # fmt: skip
def test_without_a_declared_mark_one_reading_is_taken(text: str, amount: int | None) -> None:
    if amount is None:
        with pytest.raises(BrokenRule):
            minor_units(text, "EUR", Money())
    else:
        assert minor_units(text, "EUR", Money()) == amount


@pytest.mark.parametrize(
    "text,decimal,thousands,amount",
    [("1.234", ",", ".", 123_400), ("1.234", ".", ",", None), ("1,234", ".", ",", 123_400),
     ("1234,5", ",", ".", 123_450), ("1.23,5", ",", ".", None), ("1 234,50", ",", " ", 123_450),
     ("1'234.50", ".", "'", 123_450), ("1,234.50", ".", None, None), (".5", ".", None, None)],
)  # fmt: skip
def test_with_a_declared_mark_no_other_form_is_taken(
    text: str, decimal: str, thousands: str | None, amount: int | None
) -> None:
    money = Money.model_validate({"decimal": decimal, "thousands": thousands})
    if amount is None:
        with pytest.raises(BrokenRule):
            minor_units(text, "EUR", money)
    else:
        assert minor_units(text, "EUR", money) == amount


@pytest.mark.parametrize(
    "text,currency,amount",
    [("24732.00", "JPY", 24_732), ("1.2345", "BHD", None), ("2.50", "BHD", 2_500)],
)
def test_decimals_are_those_of_the_currency(text: str, currency: str, amount: int | None) -> None:
    if amount is None:
        with pytest.raises(BrokenRule, match="more decimals than BHD"):
            minor_units(text, currency, Money())
    else:
        assert minor_units(text, currency, Money()) == amount


@pytest.mark.parametrize(
    "text,formats,zone,moment",
    [
        ("25/11/2026", ["%d/%m/%Y", "%m/%d/%Y"], "UTC", "2026-11-25T00:00:00+00:00"),
        ("11/11/2026", ["%d/%m/%Y", "%m/%d/%Y"], "UTC", "2026-11-11T00:00:00+00:00"),
        ("02/11/2026", ["%d/%m/%Y", "%m/%d/%Y"], "UTC", "ambiguous-date"),
        ("02/11/2026", ["%d/%m/%Y"], None, "zone"),
        ("02/11/2026", ["%d/%m/%Y"], "Asia/Tokyo", "2026-11-01T15:00:00+00:00"),
        ("2026-11-02 10:00 -0530", ["%Y-%m-%d %H:%M %z"], "UTC", "2026-11-02T15:30:00+00:00"),
        ("31/02/2026", ["%d/%m/%Y"], "UTC", "date"),
        ("\u0660\u0662/11/2026", ["%d/%m/%Y"], "UTC", "date"),
        ("2026-03-29 02:30", ["%Y-%m-%d %H:%M"], "Europe/Berlin", "date"),
        ("2026-10-25 02:30", ["%Y-%m-%d %H:%M"], "Europe/Berlin", "ambiguous-date"),
    ],
)
def test_a_date_has_one_reading_in_one_zone(
    text: str, formats: list[str], zone: str | None, moment: str
) -> None:
    dates = Dates(formats=formats, zone=zone)
    if moment[0].isdigit():
        assert instant(text, dates) == moment
    else:
        with pytest.raises(BrokenRule) as caught:
            instant(text, dates)
        assert caught.value.rule == moment
