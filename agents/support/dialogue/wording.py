"""Goods and methods of payment as customers read them: in their language, without internal ids."""

from collections.abc import Iterable, Mapping
from datetime import date

from agents.shop.accounts import (
    CustomerAccount,
    Method,
    OrderAccount,
    Piece,
    PostalAddress,
    Shipment,
    Variant,
)
from agents.support.models import Language
from agents.support.understanding.names import option

METHODS: Mapping[Language, Mapping[str, str]] = {
    "en": {"credit_card": "credit card", "paypal": "PayPal", "gift_card": "gift card", "": "the method that paid"},
    "zh": {"credit_card": "信用卡", "paypal": "PayPal", "gift_card": "礼品卡", "": "原付款方式"},
}  # fmt: skip
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
FIELDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "line1": "street", "line2": "more", "city": "city", "state": "state", "postal_code": "postcode",
        "country": "country",
    },
    "zh": {
        "line1": "街道", "line2": "补充", "city": "城市", "state": "省/州", "postal_code": "邮编", "country": "国家",
    },
}  # fmt: skip
COUNTRIES: Mapping[Language, Mapping[str, str]] = {
    "en": {"US": "United States", "CN": "China", "CA": "Canada"},
    "zh": {"US": "美国", "CN": "中国", "CA": "加拿大"},
}
BRANDS = {"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express"}
ALSO_CALLED = {
    "Visa": ("维萨",),
    "Mastercard": ("万事达", "master card"),
    "American Express": ("运通", "amex"),
}
PAIRS: Mapping[Language, tuple[str, str]] = {"en": (" (", ")"), "zh": ("（", "）")}
COMMA: Mapping[Language, str] = {"en": ", ", "zh": "、"}
AND: Mapping[Language, str] = {"en": " and the ", "zh": "和"}


def called(piece: Piece | Variant, goods: Mapping[str, Variant], language: Language) -> str:
    """The name of goods in this language; the name in the order where there is no other."""
    variant = goods.get(piece.sku)
    return variant.names.get(language, piece.name) if variant is not None else piece.name


def described(variant: Variant, goods: Mapping[str, Variant], language: Language) -> str:
    """The name of goods with their options: "T-Shirt (blue, M)"."""
    name = called(variant, goods, language)
    return _in_brackets(name, options_of(variant, language), language)


def options_of(variant: Variant, language: Language) -> str:
    """The options of goods, such as "blue, M"; the name of one that is yes or no goes before it."""
    values = (
        f"{option(name, language)}: {option(value, language)}"
        if value in ("yes", "no", "none")
        else option(value, language, name)
        for name, value in variant.options.items()
    )
    return COMMA[language].join(values)


def listed(
    pieces: Iterable[Piece], order: OrderAccount, goods: Mapping[str, Variant], language: Language
) -> str:
    """The pieces by name; with options, or else the SKU, where one name stands for different pieces."""
    names: dict[str, set[str]] = {}
    for piece in order.pieces:
        names.setdefault(called(piece, goods, language), set()).add(piece.sku)
    counts: dict[str, int] = {}
    for piece in pieces:
        name = called(piece, goods, language)
        if len(names.get(name, ())) > 1:
            variant = goods.get(piece.sku)
            more = options_of(variant, language) if variant is not None else ""
            name = _in_brackets(name, more or piece.sku, language)
        counts[name] = counts.get(name, 0) + 1
    return COMMA[language].join(f"{n} × {name}" if n > 1 else name for name, n in counts.items())


def paid_by(method: str, customer: CustomerAccount, language: Language) -> str:
    """A method of payment as its customer knows it: "credit card (Visa)"; with a number if two are alike."""
    known = customer.methods.get(method)
    if known is None:
        return METHODS[language][""]
    alike = [
        m.id for m in customer.methods.values() if _label(m, language) == _label(known, language)
    ]
    number = f" {alike.index(known.id) + 1}" if len(alike) > 1 else ""
    return f"{_label(known, language)}{number}"


def field_by_field(address: PostalAddress, language: Language) -> str:
    """An address with a line for each field, as a customer checks it."""
    country = COUNTRIES[language].get(address.country, address.country)
    fields = address.model_dump() | {"country": country}
    mark = ": " if language == "en" else "："
    return "\n".join(
        f"{name}{mark}{fields[field]}" for field, name in FIELDS[language].items() if fields[field]
    )


def day(written: str, language: Language) -> str:
    """A day (ISO 8601) as customers read it: "6 December 2026"."""
    found = date.fromisoformat(written)
    if language == "zh":
        return f"{found.year}年{found.month}月{found.day}日"
    return f"{found.day} {MONTHS[found.month - 1]} {found.year}"


def carried_by(shipment: Shipment) -> str:
    """A carrier as customers write it: our name of it has small letters."""
    return shipment.carrier.capitalize() if shipment.carrier.islower() else shipment.carrier


def brand(method: Method) -> str:
    """The brand of a card, such as "Visa"; "" where it is not known."""
    return next((name for word, name in BRANDS.items() if word in method.token), "")


def is_of_brand(method: Method, text: str) -> bool:
    """Whether the text names the brand of this card, in English or Chinese."""
    name = brand(method)
    words = (name, *ALSO_CALLED.get(name, ()))
    return bool(name) and any(word.lower() in text.lower() for word in words)


def _label(method: Method, language: Language) -> str:
    return _in_brackets(METHODS[language][method.kind], brand(method), language)


def _in_brackets(text: str, more: str, language: Language) -> str:
    begin, end = PAIRS[language]
    return f"{text}{begin}{more}{end}" if more else text
