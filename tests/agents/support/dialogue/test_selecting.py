"""Which pieces a text means beside those that were chosen, and what it leaves out."""

from dataclasses import replace

import pytest

from agents.shop.accounts import Piece, Variant
from agents.support.dialogue.forms import ShopView, fill
from agents.support.dialogue.goods import names_only_goods
from agents.support.models import Slot, Task
from agents.support.understanding.slots import slots
from tests.agents.support.dialogue.shop import GOODS, SHOP

MUGS = {
    sku: Variant(
        sku=sku, product="mug", name="Mug", names={"zh": "茶壶"}, price=500, currency="USD", options=options,
        available=True,
    )
    for sku, options in (("30000001", {"color": "white"}), ("30000002", {"color": "green"}))
}  # fmt: skip
RED, LAMP, WHITE, GREEN = "10000001", "20000001", "30000001", "30000002"


def bought(*skus: str) -> ShopView:
    """A shop in which B200 has these pieces."""
    goods = {**GOODS, **MUGS}
    pieces = tuple(
        Piece(sku=s, product=goods[s].product, name=goods[s].name, price=goods[s].price)
        for s in skus
    )
    order = SHOP.orders["B200"].model_copy(update={"pieces": pieces})
    return replace(SHOP, goods=goods, orders={"B200": order})


def pieces(text: str, shop: ShopView, *before: str) -> tuple[str, ...]:
    """The pieces of a return after the text; without `before` they have just been asked for."""
    asked: Slot = "confirm" if before else "pieces"
    task = Task(name="return_items", order="B200", pieces=before, asked=asked)
    return tuple(sorted(fill(task, slots(text), text, shop).pieces))


@pytest.mark.parametrize(
    "text,found",
    [
        ("the other one too please", (WHITE, GREEN)),
        ("and the other mug as well", (WHITE, GREEN)),
        ("no, the other one", (GREEN,)),
        ("both of them then", (WHITE, GREEN)),
        ("make it both mugs", (WHITE, GREEN)),
        ("两个茶壶一起退吧", (WHITE, GREEN)),
        ("另一个也退了吧", (WHITE, GREEN)),
        ("退另一个", (GREEN,)),
        ("就这俩都退", (WHITE, GREEN)),
        ("all three then", ()),  # there are two mugs, and four pieces
    ],
)
def test_words_for_several_are_read_among_the_pieces_in_question(
    text: str, found: tuple[str, ...]
) -> None:
    assert pieces(text, bought(RED, LAMP, WHITE, GREEN), WHITE) == found


@pytest.mark.parametrize(
    "text,found",
    [
        ("the lamp I need, the rest can go back", (WHITE, WHITE)),
        ("茶壶我要的 剩下的通通退掉", (LAMP,)),
        ("return the mugs, the rest I like", (WHITE, WHITE)),
        ("one of the mugs, the other mug is fine", (WHITE,)),
        ("keep a single mug, the other mug goes back", (WHITE,)),
        ("the mug leaks and my bag is wet and everything", (WHITE,)),
    ],
)
def test_the_rest_is_all_but_what_is_named(text: str, found: tuple[str, ...]) -> None:
    assert pieces(text, bought(LAMP, WHITE, WHITE)) == found


@pytest.mark.parametrize("text", ["of those two mugs one is broken", "两个茶壶有一个裂了"])
def test_how_many_without_which_is_asked(text: str) -> None:
    assert pieces(text, bought(LAMP, WHITE, GREEN)) == ()
    assert pieces(text, bought(LAMP, WHITE, WHITE)) == (WHITE,)


@pytest.mark.parametrize(
    "text",
    [
        "both white ones. The green one is my favourite",
        "I'd like to hold on to the green mug and send back both white mugs",
        "both white mugs, please",
        "白色的两个，绿的那个我喜欢",
    ],
)
def test_what_is_said_of_others_does_not_count(text: str) -> None:
    assert pieces(text, bought(LAMP, WHITE, WHITE, GREEN)) == (WHITE, WHITE)


def test_fewer_of_different_pieces_are_asked_for() -> None:
    assert pieces("only one of them", bought(LAMP, WHITE, GREEN), WHITE, GREEN) == ()
    assert pieces("only one of them", bought(LAMP, WHITE, WHITE), WHITE, WHITE) == (WHITE,)


def test_options_of_goods_that_the_order_does_not_have_are_none_of_its_pieces() -> None:
    text = "the mug goes back, and I want the T-Shirt in green"
    assert pieces(text, bought(LAMP, WHITE, GREEN)) == ()  # which mug is not said


@pytest.mark.parametrize(
    "text,only",
    [
        ("the two red ones", True),
        ("just one", True),
        ("that white mug please", True),
        ("白色的茶壶", True),
        ("另一个", True),
        ("return the white mug", False),
        ("the mug is broken", False),
        ("白色的茶壶退了", False),
        ("thanks", False),
        ("and the white mug?", False),
        ("the cheaper one", True),
    ],
)
def test_a_text_of_names_alone_says_nothing_of_what_is_wanted(text: str, only: bool) -> None:
    assert names_only_goods(text, {**GOODS, **MUGS}) is only
