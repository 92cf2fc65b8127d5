"""What customers ask about goods of the shop: price, what can be chosen, and one property of them."""

import re
from collections.abc import Mapping, Sequence

from agents.shop.accounts import Variant
from agents.support.dialogue.forms import REPLACES, ShopView, is_possible
from agents.support.dialogue.render import money
from agents.support.dialogue.wording import COMMA, options_of
from agents.support.models import Language, Part, Task
from agents.support.understanding.names import (
    folded,
    kind,
    names_goods,
    names_in,
    names_of,
    option,
    options_in,
)
from agents.support.understanding.options import said_of_options

FOR: Mapping[Language, str] = {"en": " for ", "zh": "，"}
MOST_PRODUCTS, MOST_OPTIONS, MOST_VARIANTS = 3, 4, 4
LETTER = re.compile(r"[^\W\d_]")
# "Is it waterproof?" is about what was shown last, "is there a plug?" may be about anything.
REFERS = re.compile(
    r"\b(?:it|its|they|them|their|these|those|this|that|ones?)\b|[它这那]|^\W*(?:有|能|可以|是)?.{1,8}[吗么][?？]?\W*$",
    re.IGNORECASE,
)
# What was shown last, as what is wanted instead.
THAT = re.compile(
    r"\b(?:for|to|into|with|take|have|get) (?:that|it|this|those|these)\b(?! (?:order|back))"
    r"|\b(?:that|this) one instead\b"
    r"|换成?[它这那]|[要就]它|[要换就][这那][个款双件台只副]",
    re.IGNORECASE,
)
PRICE = re.compile(
    r"\b(?:how much|prices?d?|costs?|cheap(?:er|est)?|expensive|what do you (?:want|charge|ask) for)\b"
    r"|多少钱|价格|价钱|啥价|什么价|怎么卖|几块|几个钱|贵|便宜",
    re.IGNORECASE,
)
CHEAPER = re.compile(r"\bcheap|\bexpensive\b|便宜|贵", re.IGNORECASE)
PROPERTIES: Mapping[str, re.Pattern[str]] = {
    name: re.compile(words, re.IGNORECASE)
    for name, words in (
        ("water", r"water ?-?(?:proof|resist)|防水|淋雨|\brain\b|\bswim"),
        ("batter", r"\bbatter(?:y|ies)\b|\bcharge\b|电池|续航|充[一次满]*电"),
        ("size", r"\bsizes?\b|\bhow (?:big|large)\b|尺码|尺寸|大小|多大|几码"),
        ("color", r"\bcolou?rs?\b|颜色|什么色"),
        ("material", r"\bmaterials?\b|\bmade (?:of|from)\b|材质|材料|什么做的"),
        ("capacity", r"\bcapacity\b|\bhow many (?:cups|lit(?:er|re)s)\b|容量|多少升"),
        ("connectivity", r"\bconnect|\bbluetooth\b|\bwi-?fi\b|连接|蓝牙"),
        ("compatib", r"\bcompatib|\bwork(?:s)? with\b|兼容|支持"),
    )
}
"""A part of the name of an option -> the words by which customers ask for it."""


def products(text: str, shop: ShopView) -> tuple[Part, ...]:
    """The facts of the goods that the text names, by name or kind; none if it names none."""
    by_name: dict[str, list[Variant]] = {}
    called_so: dict[str, dict[str, None]] = {}
    for variant in shop.goods.values():
        by_name.setdefault(variant.name, []).append(variant)
        for name in names_of(variant):
            called_so.setdefault(folded(name), {})[variant.name] = None
    kinds: dict[str, dict[str, None]] = {}
    for name, fitting in called_so.items():
        kinds.setdefault(folded(kind(name)), {}).update(fitting)
    words = [called_so[word] for word in names_in(text, called_so)]
    words = words or [kinds[word] for word in names_in(text, kinds)]
    named = dict.fromkeys(name for fitting in words for name in fitting)
    return tuple(
        part for name in list(named)[:MOST_PRODUCTS] for part in _facts(text, by_name[name], shop)
    )


def about(text: str, shown: str, shop: ShopView) -> tuple[Part, ...]:
    """What is known of the goods whose facts were `shown` last, if the text asks for that; none otherwise."""
    if not shown or names_goods(text, shop.goods.values()):
        return ()
    parts: list[Part] = []
    for variants in _shown(shown, shop):
        is_asked = bool(
            _properties(text, variants) or _asked(text) or _values(text, variants, shop)
        )
        if is_asked or PRICE.search(text) or REFERS.search(text):
            parts += _facts(text, variants, shop, follows=True)
    return tuple(part for n, part in enumerate(parts) if part not in parts[:n])


def of_order(text: str, skus: Sequence[str], shop: ShopView) -> tuple[Part, ...]:
    """The variants like these own goods that the text tells by their options, and asks about; none otherwise.

    "And what is it in blue, with 20 hours?" is about what the talk was of.
    """
    if not PRICE.search(text) or names_goods(text, shop.goods.values()):
        return ()
    parts: list[Part] = []
    for product_id in dict.fromkeys(shop.goods[s].product for s in skus if s in shop.goods):
        variants = [v for v in shop.goods.values() if v.product == product_id and v.available]
        said = said_of_options(text, {one for v in variants for one in v.options.items()})
        fitting = [v for v in variants if said and all(one.fits(v.options) for one in said)]
        if 0 < len(fitting) <= MOST_VARIANTS:
            parts.append(_each(fitting, shop.language))
    return tuple(parts)


def names_variant(text: str, shown: str, shop: ShopView) -> bool:
    """Whether the text names no goods, but a value of an option of the goods shown last: "and the red one?"."""
    if not shown or names_goods(text, shop.goods.values()):
        return False
    return any(_values(text, variants, shop) for variants in _shown(shown, shop))


def _shown(shown: str, shop: ShopView) -> list[list[Variant]]:
    """The variants of the goods whose facts were shown last."""
    by_name: dict[str, list[Variant]] = {}
    for variant in shop.goods.values():
        by_name.setdefault(variant.name, []).append(variant)
    return [
        variants
        for variants in by_name.values()
        if any(
            f"{name}{mark}" in shown
            for name in (variants[0].name, *variants[0].names.values())
            for mark in (": ", "：")
        )
    ][:MOST_PRODUCTS]


def with_shown(task: Task, text: str, shown: str, shop: ShopView) -> Task:
    """The task with the goods whose facts were `shown` last as what is wanted: "then swap mine for that one".

    Without an order it is about the only one that has such goods.
    """
    wanted = _only_shown(shown, shop)
    if wanted is None or task.name not in REPLACES or not THAT.search(text):
        return task
    having = [
        name
        for name in ([task.order] if task.order else shop.latest)
        if name in shop.orders
        and is_possible(task.name, shop.orders[name])
        and any(piece.product == wanted.product for piece in shop.orders[name].pieces)
    ]
    pieces = [p.sku for n in having for p in shop.orders[n].pieces if p.product == wanted.product]
    some = [sku for sku in task.pieces if sku in pieces] or pieces
    if len(having) != 1 or len(some) != 1 or wanted.sku in some:
        return task
    found = {"order": having[0], "pieces": tuple(some), "new": (wanted.sku,)}
    return task.model_copy(update=found)


def _only_shown(shown: str, shop: ShopView) -> Variant | None:
    """The item whose options and price were shown, if it was one."""
    mark = FOR[shop.language]
    some = [
        one
        for variants in _shown(shown, shop)
        for one in variants
        if one.available and f"{options_of(one, shop.language)}{mark}" in shown
    ]
    return some[0] if len(some) == 1 else None


def asks_for_cheaper(text: str, shown: str, shop: ShopView) -> bool:
    """Whether the text asks for a cheaper one of the goods shown last, and not for our rules."""
    return CHEAPER.search(text) is not None and bool(about(text, shown, shop))


def properties_of(text: str, skus: Sequence[str], shop: ShopView) -> tuple[Part, ...]:
    """The properties of these goods that the text asks for by name; none if it asks for none."""
    parts = []
    for variant in (shop.goods[sku] for sku in dict.fromkeys(skus) if sku in shop.goods):
        for asked in _properties(text, [variant]):
            name = variant.names.get(shop.language, variant.name)
            value = option(variant.options[asked], shop.language)
            found = {"name": name, "option": option(asked, shop.language), "values": value}
            parts.append(Part(template="its option", values=found))
    return tuple(parts)


def product(variants: Sequence[Variant], language: Language) -> Part:
    """What there is of a product, from what price on, and what can be chosen."""
    there = [v for v in variants if v.available]
    name = variants[0].names.get(language, variants[0].name)
    if not there:
        return Part(template="sold out", values={"name": name})
    prices = sorted({v.price for v in there})
    currency = there[0].currency
    values = {
        "name": name,
        "lowest": money(prices[0], currency),
        "options": _options(there, language),
    }
    if len(prices) == 1:
        return Part(template="one price", values=values)
    return Part(template="prices", values=values | {"highest": money(prices[-1], currency)})


def _facts(
    text: str, variants: Sequence[Variant], shop: ShopView, *, follows: bool = False
) -> list[Part]:
    """The facts of a product: first the property or the value that the text asks for."""
    language = shop.language
    there = [v for v in variants if v.available] or list(variants)
    name = variants[0].names.get(language, variants[0].name)
    parts: list[Part] = []
    wanted = _values(text, there, shop)
    with_all = _with(there, wanted)
    for asked in (names := _properties(text, with_all or there)):
        values = dict.fromkeys(
            option(v.options[asked], language) for v in with_all or there if asked in v.options
        )
        found = {"name": name, "option": option(asked, language), "values": ", ".join(values)}
        parts.append(Part(template="its option", values=found))
    if wanted and not with_all:
        value = COMMA[language].join(sorted({option(one, language) for one in wanted}))
        parts.append(Part(template="no such option", values={"name": name, "value": value}))
    there = with_all or there
    unknown = _asked(text) - {a for a in PROPERTIES for n in names if a in n.lower()}
    if (unknown and not names) or (follows and not parts and not wanted and not PRICE.search(text)):
        parts.append(Part(template="no more known"))
    if wanted and with_all and len(with_all) <= MOST_VARIANTS:
        return [*parts, _each(with_all, language)]
    return [*parts, product(there, language)]


def _with(variants: Sequence[Variant], wanted: set[str]) -> list[Variant]:
    """Those with what is wanted; of several values of one option, such as two colours, any of them."""
    known = {value: name for v in variants for name, value in v.options.items()}
    groups: dict[str, list[str]] = {}
    for value in wanted:
        alike = next((one for one in known if option(one, "zh") == option(value, "zh")), value)
        groups.setdefault(known.get(alike, value), []).append(value)
    return [
        v
        for v in variants
        if all(any(_has(v, one, wanted) for one in some) for some in groups.values())
    ]


def _each(variants: Sequence[Variant], language: Language) -> Part:
    """Each of a few variants of a product, with its price."""
    some = "; ".join(
        f"{options_of(v, language)}{FOR[language]}{money(v.price, v.currency)}"
        for v in sorted(variants, key=lambda v: (v.price, v.sku))
    )
    name = variants[0].names.get(language, variants[0].name)
    return Part(template="few", values={"name": name, "variants": some})


def _has(variant: Variant, value: str, wanted: set[str]) -> bool:
    """Whether the item has the value, or another one that the same word names: 大号 is "large" and "L"."""
    alike = {one for one in wanted if option(one, "zh") == option(value, "zh")}
    return bool(alike & set(variant.options.values()))


def _asked(text: str) -> set[str]:
    return {name for name, words in PROPERTIES.items() if words.search(text)}


def _properties(text: str, variants: Sequence[Variant]) -> list[str]:
    """The options of a product that the text asks for by their name."""
    mine = dict.fromkeys(name for v in variants for name in v.options)
    asked = _asked(text)
    named = options_in(text, mine)
    return [name for name in mine if name in named or any(word in name.lower() for word in asked)]


def _values(text: str, variants: Sequence[Variant], shop: ShopView) -> set[str]:
    """The values of the product's options that the text names, also those that only other goods have."""
    mine = {name for v in variants for name in v.options}
    known = {
        value
        for v in shop.goods.values()
        for name, value in v.options.items()
        if name in mine and LETTER.search(value) and value not in ("yes", "no", "none")
    }
    return options_in(text, known)


def _options(variants: Sequence[Variant], language: Language) -> str:
    """What can be chosen: "color: black, red; size: M"."""
    found: dict[str, dict[str, None]] = {}
    for variant in variants:
        for name, value in variant.options.items():
            found.setdefault(name, {})[option(value, language)] = None
    return "; ".join(
        f"{option(name, language)}: {', '.join(found[name])}" for name in list(found)[:MOST_OPTIONS]
    )
