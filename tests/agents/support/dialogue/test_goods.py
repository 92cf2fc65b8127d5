"""Goods are named by whole names, in any script; what fits several pieces is unclear."""

import pytest

from agents.shop.accounts import OrderAccount, Piece, Variant
from agents.support.dialogue.goods import goods_named
from agents.support.understanding.names import names_in
from tests.agents.support.dialogue.shop import GOODS, order


def bought(*names: str) -> OrderAccount:
    """An order of these goods; the same name again is another copy of the same piece."""
    skus = {name: f"{n:08}" for n, name in enumerate(dict.fromkeys(names), 10_000_001)}
    pieces = tuple(Piece(sku=skus[n], product=skus[n], name=n, price=1_000) for n in names)
    return order("A100", "delivered").model_copy(update={"pieces": pieces})


@pytest.mark.parametrize(
    "text,named",
    [
        ("退滑板", {"滑板"}),
        ("我要退货", set()),
        ("退水杯和台灯", {"水杯", "台灯"}),
        ("退护眼台灯", {"护眼台灯"}),
        ("return the laptop bag", {"Laptop Bag"}),
        ("return the laptop", {"Laptop"}),
        ("return the Laptops and the LED台灯", {"Laptop", "LED台灯"}),
        ("верните лампу", {"Лампу"}),
        ("the bag and the laptop", {"Laptop", "Laptop Bag"}),
        ("the shade", {"Lamp Shade"}),
    ],
)
def test_a_name_matches_its_own_piece_only(text: str, named: set[str]) -> None:
    account = bought(
        "滑板",
        "水杯",
        "台灯",
        "护眼台灯",
        "Laptop",
        "Laptop Bag",
        "LED台灯",
        "Lamp Shade",
        "Лампу",
        "!?",
    )
    names = {piece.name for piece in account.pieces if piece.sku in goods_named(account, text).skus}
    assert names == named


def test_a_name_of_several_pieces_is_unclear() -> None:
    account = bought("Lamp", "Mug")
    red, blue = (Piece(sku=s, product="p", name="Shirt", price=1) for s in ("20000001", "20000002"))
    account = account.model_copy(update={"pieces": (*account.pieces, red, blue)})
    assert goods_named(account, "the shirt and the mug").unclear
    assert goods_named(account, "the shirt 20000002").skus == ("20000002",)
    assert not goods_named(account, "the lamp and the mug").unclear


@pytest.mark.parametrize(
    "text,copies",
    [("the mug", 1), ("one of the mugs", 1), ("both mugs", 2), ("2 mugs", 2), ("all the mugs", 3), ("the mugs", 3),
     ("5 mugs", 0), ("两个mug", 2), ("order A34 mug", 1)],
)  # fmt: skip
def test_copies_of_a_piece_are_counted(text: str, copies: int) -> None:
    found = goods_named(bought("Mug", "Mug", "Mug"), text)
    assert (len(found.skus), found.unclear) == (copies, copies == 0)


SHIRTS = {
    sku: Variant(sku=sku, product="s", name="T-Shirt", names={"zh": "T恤"}, price=1, options=options, available=True)
    for sku, options in (
        ("20000001", {"color": "red", "size": "L"}),
        ("20000002", {"color": "blue", "size": "S"}),
        ("20000003", {"color": "green", "size": "S"}),
    )
}  # fmt: skip
LAMPS = {
    "30000001": Variant(
        sku="30000001", product="l", name="Desk Lamp", names={"zh": "台灯"}, also=("灯",), price=1, options={},
        available=True,
    )
}  # fmt: skip
ALL = SHIRTS | LAMPS


def mixed() -> OrderAccount:
    """A red and a blue shirt, and two lamps."""
    pieces = tuple(
        Piece(sku=sku, product=ALL[sku].product, name=ALL[sku].name, price=1)
        for sku in ("20000001", "20000002", "30000001", "30000001")
    )
    return order("A100", "delivered").model_copy(update={"pieces": pieces})


RED, BLUE, LAMP = "20000001", "20000002", "30000001"


@pytest.mark.parametrize(
    "text,skus",
    [
        ("the red T-shirt", (RED,)),
        ("红色的T恤", (RED,)),
        ("大号T恤", (RED,)),
        ("the blue one", (BLUE,)),
        ("蓝色的那件", (BLUE,)),
        ("the red and the blue T-shirt", (RED, BLUE)),
        ("both T-shirts", (RED, BLUE)),
        ("两件T恤", (RED, BLUE)),
        ("one of the two lamps", (LAMP,)),
        ("one of my lamps", (LAMP,)),
        ("两个台灯退一个", (LAMP,)),
        ("台灯只退一个", (LAMP,)),
        ("两个灯", (LAMP, LAMP)),
        ("the lamps", (LAMP, LAMP)),
    ],
)
def test_kinds_colours_and_counts_in_both_scripts(text: str, skus: tuple[str, ...]) -> None:
    found = goods_named(mixed(), text, ALL)
    assert (found.skus, found.unclear, found.why) == (skus, False, None)


@pytest.mark.parametrize(
    "text,why",
    [
        ("the T-shirt", ""),
        ("T恤", ""),
        ("one of the T-shirts", ""),
        ("the green T-shirt", "none like that"),
        ("绿色的T恤", "none like that"),
        ("3 lamps", "too few"),
        ("三个台灯", "too few"),
    ],
)
def test_what_is_not_clear_or_not_there_is_never_guessed(text: str, why: str) -> None:
    found = goods_named(mixed(), text, ALL)
    assert (found.skus, found.unclear) == ((), True)
    assert (found.why.template if found.why else "") == why


def test_letters_of_other_words_name_nothing() -> None:
    assert names_in("I'm sure it's fine", ("M", "S", "T", "fin")) == {}
    assert set(names_in("in size M, please", ("M", "S"))) == {"M"}


def test_each_of_two_goods_of_one_name_is_named_with_its_options() -> None:
    two = order("A100", "pending")
    shirts = tuple(
        Piece(sku=sku, product="shirt", name="T-Shirt", price=1) for sku in ("10000001", "10000002")
    )
    two = two.model_copy(update={"pieces": (*shirts, two.pieces[1])})
    text = "the T-Shirt (red, M) and the T-Shirt (blue, M)"
    assert goods_named(two, text, GOODS).skus == ("10000001", "10000002")
    assert goods_named(two, "the blue T-Shirt, that T-Shirt", GOODS).skus == ("10000002",)
