"""Which of several pieces is replaced by which goods."""

from dataclasses import replace

import pytest

from agents.shop.accounts import Piece
from agents.support.dialogue.forms import fill
from agents.support.dialogue.products import with_shown
from agents.support.models import Task
from agents.support.understanding.slots import slots
from tests.agents.support.dialogue.shop import GOODS, SHOP

RED_M, BLUE_M, BLUE_L = "10000001", "10000002", "10000003"
RED_L = GOODS[RED_M].model_copy(
    update={"sku": "10000004", "options": {"color": "red", "size": "L"}}
)
PIECES = tuple(
    Piece(sku=s, product="shirt", name="T-Shirt", price=GOODS[s].price) for s in (RED_M, BLUE_L)
)
ORDER = SHOP.orders["B200"].model_copy(update={"pieces": PIECES})
TWO = replace(SHOP, goods={**GOODS, RED_L.sku: RED_L}, orders={"B200": ORDER})


@pytest.mark.parametrize(
    "text",
    [
        "swap the M for the blue M and the L for the red L",
        "Both T-Shirts have to be swapped: the red one for one in blue, and the blue one for one in red.",
        "the red one becomes blue, the blue one becomes red",
        "a blue one for the red one, and a red one for the blue one",
        "红色的换成蓝色的，蓝色的换成红色的",
    ],
)
def test_pieces_of_one_kind_are_told_apart_by_what_they_are(text: str) -> None:
    found = fill(Task(name="exchange_items", order="B200"), slots(text), text, TWO)
    assert dict(zip(found.pieces, found.new, strict=True)) == {RED_M: BLUE_M, BLUE_L: RED_L.sku}


def test_what_was_shown_last_is_what_is_wanted() -> None:
    task = Task(name="exchange_items", order="B200", pieces=(RED_M,))
    shown = "T-Shirt: we have blue, L for USD 11.00."
    assert with_shown(task, "swap mine for that one please", shown, SHOP).new == (BLUE_L,)
    assert with_shown(task, "swap mine please", shown, SHOP).new == ()
    two = "T-Shirt: we have blue, L for USD 11.00; blue, M for USD 12.00."
    assert with_shown(task, "swap mine for that one please", two, SHOP).new == ()
    chinese = replace(SHOP, language="zh")
    assert with_shown(task, "那就换它吧", "T-Shirt：有蓝色、L，USD 11.00。", chinese).new == (
        BLUE_L,
    )


@pytest.mark.parametrize(
    "text", ["no wait, the size stays M, in blue", "不对不对，颜色要蓝色，尺码不用动还是中号"]
)
def test_what_stays_is_a_part_of_what_is_wanted(text: str) -> None:
    task = Task(
        name="exchange_items", order="B200", pieces=(RED_M,), new=(BLUE_L,), asked="confirm"
    )
    only = replace(TWO, orders={"B200": ORDER.model_copy(update={"pieces": PIECES[:1]})})
    found = fill(task, slots(text), text, only)
    assert (found.pieces, found.new) == ((RED_M,), (BLUE_M,))
