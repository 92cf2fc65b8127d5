"""Which other unit explains that the values of a column are another multiple of what they were.

Sources of the factors: the International System of Units, and the international yard and pound (1959).
"""

from math import log

from scipy import constants

LEFT = 0.2  # of a change of degrees: what the season may add to it
NEAR = 0.04  # share by which a ratio may differ from the factor of its units
FACTORS: tuple[tuple[float, str, str], ...] = (  # the first has the larger numbers
    (1e6, "millionths", "whole units"),
    (3_600, "seconds", "hours"),
    (1_000, "thousandths (g for kg, m for km)", "whole units"),
    (100, "hundredths (cents, percent)", "whole units"),
    (60, "minutes", "hours (or seconds, minutes)"),
    (33.8639, "hPa", "inches of mercury"),
    (1e3 * constants.inch, "mm", "inches"),
    (24, "hours", "days"),
    (10, "tenths", "whole units"),
    (constants.psi / 1e3, "kPa", "psi"),
    (constants.calorie, "joules", "calories"),
    (1e3 * constants.gallon, "litres", "gallons"),
    (3.6, "km/h", "m/s"),
    (1 / constants.foot, "feet", "metres"),
    (1e2 * constants.inch, "cm", "inches"),
    (1 / constants.mph, "miles an hour", "m/s"),
    (1 / constants.pound, "pounds", "kg"),
    (1 / constants.knot, "knots", "m/s"),
    (constants.nautical_mile / 1e3, "km/h", "knots"),
    (constants.mile / 1e3, "km", "miles"),
)


def other_unit(ratio: float) -> str:
    """What the values are given in, and in place of what, if their ratio is that of two known units."""
    if ratio <= 0:
        return ""
    size = abs(log(ratio))
    factor, large, small = min(FACTORS, key=lambda one: abs(log(one[0]) - size))
    if abs(log(factor) - size) > NEAR:
        return ""
    return f"{large} in place of {small}" if ratio > 1 else f"{small} in place of {large}"


def other_scale(before: float, after: float, unit: str) -> str:
    """The same for degrees, whose scales have different zeros; `unit` is that of the column."""
    words = unit.lower()
    if not any(word in words for word in ("°", "deg", "celsius", "fahrenheit")):
        return ""
    apart = abs(after - before)
    as_fahrenheit, as_celsius = before * 1.8 + 32, (before - 32) / 1.8
    if abs(after - as_fahrenheit) < LEFT * apart:
        return "degrees Fahrenheit in place of Celsius"
    if abs(after - as_celsius) < LEFT * apart:
        return "degrees Celsius in place of Fahrenheit"
    return ""
