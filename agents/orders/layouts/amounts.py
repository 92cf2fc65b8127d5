"""Amounts and dates as programs write them; what can be read in two ways is refused."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from agents.orders.layouts.schema import Dates, Money
from agents.workflow.fields import BrokenRule
from agents.workflow.money import exponent

LONGEST = 40  # characters of an amount or a date
PLAIN = re.compile(r"(-?)([0-9]+)")
ONE_MARK = re.compile(r"(-?)([0-9]+)[.,]([0-9]+)")
TWO_MARKS = re.compile(r"(-?)([0-9]{1,3}(?:([.,])[0-9]{3})+)(?!\3)[.,]([0-9]+)")
GROUPS = re.compile(r"(-?)([0-9]{1,3}([.,])[0-9]{3}(?:\3[0-9]{3})+)")


def minor_units(text: str, currency: str, money: Money) -> int:
    """The amount in minor units of the currency.

    Raises BrokenRule if it is no number, if it can be read in two ways, or if it has more decimals than
    the currency, and UnknownCurrency.
    """
    if len(text) > LONGEST:
        raise BrokenRule("too-long", LONGEST, "has too many characters for an amount")
    amount = _declared(text, money) if money.decimal else _only_reading(text)
    scaled = amount.scaleb(exponent(currency))
    if scaled != int(scaled):
        raise BrokenRule("decimals", exponent(currency), f"has more decimals than {currency}")
    return int(scaled)


def _declared(text: str, money: Money) -> Decimal:
    mark, group = re.escape(money.decimal or ""), re.escape(money.thousands or "")
    grouped = rf"|[0-9]{{1,3}}(?:{group}[0-9]{{3}})+" if group else ""
    found = re.fullmatch(rf"(-?)((?:[0-9]+{grouped}))(?:{mark}([0-9]+))?", text)
    if found is None:
        form = f"decimal {money.decimal!r}, thousands {money.thousands or 'none'!r}"
        raise BrokenRule("number", form, "is no number in this form")
    sign, whole, fraction = found.groups()
    return _decimal(sign, whole, fraction or "0")


def _only_reading(text: str) -> Decimal:
    """The number, where its marks leave one reading: 34,90 and 1.234,50 do, 1.234 does not."""
    if found := PLAIN.fullmatch(text):
        return _decimal(found[1], found[2])
    if found := ONE_MARK.fullmatch(text):
        sign, whole, fraction = found.groups()
        if len(fraction) == 3 and len(whole) <= 3 and not whole.startswith("0"):
            wanted = "is it a decimal mark or one of thousands? money.decimal of a layout says it"
            raise BrokenRule("ambiguous-number", None, wanted)
        return _decimal(sign, whole, fraction)
    if found := TWO_MARKS.fullmatch(text):
        sign, whole, _, fraction = found.groups()
        return _decimal(sign, whole, fraction)
    if found := GROUPS.fullmatch(text):
        return _decimal(found[1], found[2])
    raise BrokenRule("number", None, "is no number")


def _decimal(sign: str, whole: str, fraction: str = "0") -> Decimal:
    digits = re.sub("[^0-9]", "", whole)
    return Decimal(f"{sign}{digits}.{fraction}")


def instant(text: str, dates: Dates) -> str:
    """The date and time in ISO 8601 with its offset.

    Raises BrokenRule if it has none of the forms, if two of them read it differently, if nothing names
    its zone, or if the clocks of the zone show it never or twice.
    """
    found = (
        set(_readings(text, dates.formats)) if len(text) <= LONGEST and text.isascii() else set()
    )
    if not found:
        raise BrokenRule("date", " or ".join(dates.formats), "has none of the forms of the layout")
    if len(found) > 1:
        raise BrokenRule("ambiguous-date", " or ".join(dates.formats), "can be read in two ways")
    moment = found.pop()
    return (moment if moment.tzinfo else _local(moment, dates.zone)).astimezone(UTC).isoformat()


def _readings(text: str, formats: Iterable[str]) -> Iterable[datetime]:
    for form in formats:
        try:
            yield datetime.strptime(text, form)  # noqa: DTZ007 - the zone may follow from the layout
        except ValueError:
            continue


def _local(moment: datetime, zone: str | None) -> datetime:
    if zone is None:
        raise BrokenRule("zone", None, "names no time zone: dates.zone of a layout says it")
    here = moment.replace(tzinfo=ZoneInfo(zone))
    if here.utcoffset() == here.replace(fold=1).utcoffset():
        return here
    if here.astimezone(UTC).astimezone(here.tzinfo).replace(tzinfo=None) != moment:
        raise BrokenRule("date", zone, "does not exist: the clocks were put forward")
    raise BrokenRule("ambiguous-date", zone, "is there twice: the clocks were put back")
