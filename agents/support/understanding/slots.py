"""What a message names: orders, SKUs, dates, amounts, methods of payment, an address. Rules, no model."""

import re

from agents.shop.accounts import PostalAddress
from agents.support.models import Slots
from agents.support.understanding.addresses import address_in
from agents.support.understanding.chat import without_sounds, written_out
from agents.support.understanding.courtesy import without_courtesy
from agents.support.understanding.exclusions import MEASURE, meant, without_refused
from agents.support.understanding.roles import clauses

# A word of letters and digits, as order numbers are; ASCII, so that Chinese text around it does not matter.
ORDER = re.compile(
    rf"(?<![\w-])#?((?!{MEASURE})(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9][A-Za-z0-9-]{{2,63}})(?![\w-])",
    re.ASCII,
)
SKU = re.compile(r"(?<![\w$.])\d{8,12}(?![\w.])", re.ASCII)
HAN = re.compile(r"[\u4e00-\u9fff]")
# What comes before a number that is called an order already.
CALLED = re.compile(
    r"(?:\b(?:orders?|number|no|parcel|package|purchase)|订单号?|单号|[#:：])\W*$", re.IGNORECASE
)
FEWEST_DIGITS = 3  # of a word that is read as an order's number without being called one
AMOUNT = re.compile(
    r"(?:USD|EUR|CNY|[$€¥])\s?\d[\d,]*(?:\.\d{1,2})?|\d[\d,]*(?:\.\d{1,2})?\s?(?:dollars?|euros?|yuan|[美欧日]?元|美金|[刀欧]|块钱?)",
    re.IGNORECASE,
)
MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
DATE = re.compile(
    rf"\b\d{{4}}-\d{{2}}-\d{{2}}\b|\b{MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?\b|\b\d{{1,2}}(?:st|nd|rd|th)? {MONTH}\b"
    r"|\b(?:today|yesterday|tomorrow|last week|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b"
    r"|\d{1,2}月\d{1,2}[日号]|今天|昨天|前天|明天|上周|上个?星期[一二三四五六日天]?",
    re.IGNORECASE,
)
METHODS = {
    "credit_card": re.compile(
        r"credit card|\bcard\b(?<!gift card)|visa|master ?card|amex|american express|信用卡|万事达|维萨|运通",
        re.IGNORECASE,
    ),
    "paypal": re.compile(r"paypal|贝宝", re.IGNORECASE),
    "gift_card": re.compile(r"gift ?card|礼品卡|购物卡", re.IGNORECASE),
}
# Not "that's all", "all right" or "at all": what is wanted is said with a verb, with goods, or alone.
GOODS = r"(?:items?|goods|things?|pieces?|products?|articles?|stuff)"
EVERYTHING = re.compile(
    rf"\b(?:(?<!\band )(?<!\bn )(?<!& )everything|all of (?:it|them|these|those)|the (?:whole|entire|complete) order"
    rf"|all (?:the |my |these |those |\w{{1,5}} )?{GOODS}|(?:return|exchange|change|send|swap) (?:it |them )?all)\b"
    rf"|^\W*(?:yes,? )?all(?: please)?\W*$"
    rf"|\b(?:everything else|the rest|rest(?= (?:goes?|can|should) )|(?:all )?the others"
    rf"|(?:all )?the other {GOODS}(?<=s)|all others?)\b"
    r"|全部|所有|统统|通通|剩下的?|整个订单|整单|其[他它余]|别的(?=都|全|也)|都(?=要|想|给|帮|可以|退|换|改|寄)",
    re.IGNORECASE,
)
LAST = re.compile(
    r"\b(?:my|the) (?:very |most )?(?:last|latest|newest|recent) (?:order|purchase)\b(?!s)"
    r"|\bwhat i (?:just|last) (?:ordered|bought)\b|\border i (?:just|last) (?:placed|made)\b"
    r"|(?:最近|最新)的?(?:[一那][单笔个次]|订单)|上一?[单笔次]|刚(?:才|刚)?(?:下|买|订)的",
    re.IGNORECASE,
)
CHOICES = (
    re.compile(r"^\W*(?:the )?(?:first|1|one|第一个?|前者|前一个)\b", re.IGNORECASE),
    re.compile(r"^\W*(?:the )?(?:second|2|two|latter|第二个?|后者|后一个)\b", re.IGNORECASE),
)
# An address is that of the account, and not of an order.
ACCOUNT = re.compile(
    r"\b(?:account|profile|default|standard|saved|on file|home address)\b|账[户号]|资料|默认|常用|个人",
    re.IGNORECASE,
)
ADDRESS_MARK = re.compile("[\ue000-\ue00f]")  # stands for an address in a part of a message


def slots(text: str) -> Slots:
    """What the text names and does not leave out; several values of a kind are in the order of the text."""
    address, rest = _address(text)
    rest = meant(rest)
    return Slots(
        orders=tuple(dict.fromkeys(ORDER.findall(rest))),
        skus=tuple(SKU.findall(rest)),
        dates=tuple(DATE.findall(rest)),
        amounts=tuple(AMOUNT.findall(rest)),
        methods=tuple(name for name, words in METHODS.items() if words.search(rest)),
        address=address,
        everything=any(
            EVERYTHING.search(rest[one.begin : one.end])
            for one in clauses(rest)
            if one.role == "asks"
        ),
        choice=next((n for n, words in enumerate(CHOICES, 1) if words.search(rest)), 0),
    )


def addresses(text: str, mark: str) -> tuple[str, list[PostalAddress]]:
    """The text with a mark in place of each address, and the addresses; the marks are successive characters."""
    found: list[PostalAddress] = []
    while True:
        address, rest = _address(text, chr(ord(mark) + len(found)))
        if address is None:
            return rest, found
        found.append(address)
        text = rest


def without_names(text: str) -> str:
    """The text without numbers of orders, SKUs and an address; empty if it only says "all" or "the last one"."""
    _, rest = _address(text)
    rest = SKU.sub(" ", ORDER.sub(" ", rest.lower())).strip()
    return rest if any(c.isalpha() for c in LAST.sub("", EVERYTHING.sub("", rest))) else ""


def to_classify(text: str) -> str:
    """The text as the classifier reads it: without courtesies, and an order is called an order."""
    address = " 新地址 " if HAN.search(text) else " a new address "
    _, rest = _address(text, address)
    rest = without_sounds(written_out(ADDRESS_MARK.sub(address, rest).lower()))
    rest = without_refused(without_courtesy(rest))
    kind = "订单" if HAN.search(rest) else "my order"

    def called(number: re.Match[str]) -> str:
        if CALLED.search(rest[: number.start()]):
            return " "
        is_one = number[0].startswith("#") or sum(map(str.isdigit, number[0])) >= FEWEST_DIGITS
        return kind if is_one else number[0]  # "IPX4" and "USB3" are properties of goods

    return SKU.sub(" ", ORDER.sub(called, rest)).strip()


def _address(text: str, mark: str = " ") -> tuple[PostalAddress | None, str]:
    """The first whole address of the text, and the text with the mark in its place."""
    found = address_in(text)
    if found is None:
        return None, text
    address, ((begin, end), *others) = found
    letters = list(text)
    for first, last in others:
        letters[first:last] = " " * (last - first)
    letters[begin:end] = [mark, *[""] * (end - begin - 1)]
    return address, "".join(letters)
