"""Numbers in text that a binary floating-point number cannot hold."""

from decimal import Decimal

SURE_DIGITS = 15  # that every double keeps (DBL_DIG)
LONGEST = 1_000  # characters; no double has as many significant digits


def is_exact(text: str) -> bool:
    """Whether the nearest float, written with as many digits, is the same number again.

    0.1 is, and so is what was a float before it was written; 9007199254740993 is not: it would become
    9007199254740992. RFC 7493 (I-JSON), section 2.2, tells senders of JSON not to rely on such digits.
    """
    if len(text) > LONGEST:
        return False
    exact, nearest = Decimal(text), float(text)
    digits = "".join(map(str, exact.as_tuple().digits)).strip("0")
    # In the middle between two numbers with this number of digits, repr may take the other one.
    return not digits or exact in {
        Decimal(f"{nearest:.{len(digits) - 1}e}"),
        Decimal(repr(nearest)),
    }
