"""What a message leaves out is not taken for what it means."""

import pytest

from agents.support.understanding.exclusions import is_correction, left_out, meant
from agents.support.understanding.slots import slots


@pytest.mark.parametrize(
    "text,orders",
    [
        ("cancel A100 not B200", ("A100",)),
        ("no wait, A100 not B200", ("A100",)),
        ("cancel B200, no wait, A100", ("A100",)),
        ("Cancel B200. Oh no, A100", ("A100",)),
        ("don't cancel B200, cancel A100", ("A100",)),
        ("cancel A100 but keep order B200", ("A100",)),
        ("取消B200，不对，A100", ("A100",)),
        ("不是B200是A100", ("A100",)),
        ("别取消B200，取消A100", ("A100",)),
        ("I have not received order A100", ("A100",)),
        ("why was A100 not refunded", ("A100",)),
        ("you did not cancel A100", ("A100",)),
        ("keep me posted on A100", ("A100",)),
        ("return everything except the lamp from order A100", ("A100",)),
        ("怎么还不退款A100", ("A100",)),
        ("A100是不是发货了", ("A100",)),
    ],
)
def test_orders(text: str, orders: tuple[str, ...]) -> None:
    assert slots(text).orders == orders


@pytest.mark.parametrize(
    "text,without",
    [
        ("return the skateboard but not the lamp", "the lamp"),
        ("everything except the lamp and the bottle", "the lamp and the bottle"),
        ("return the lamp, no wait, the bottle", "return the lamp"),
        ("blue instead of red", "red"),
        ("除了台灯都退", "台灯"),
        ("退滑板，台灯不退", "台灯"),
        ("yes please, but keep the laptop", "the laptop"),
    ],
)
def test_goods(text: str, without: str) -> None:
    assert without in left_out(text)
    assert without not in meant(text)
    assert len(meant(text)) == len(text)


def test_a_correction_is_told_from_a_statement() -> None:
    assert is_correction("no wait, B200")
    assert not is_correction("I have not received it")
    assert not is_correction("cancel A100")


def test_all_goods_are_meant_only_where_the_text_says_so() -> None:
    every = (
        "return everything",
        "all of it",
        "send all items back",
        "return all",
        "全部退掉",
        "D400的都退",
        "the rest",
    )
    some = (
        "that's all",
        "that is all",
        "all right",
        "not at all",
        "first of all",
        "not everything",
        "我都等了三天",
    )
    assert [text for text in every if not slots(text).everything] == []
    assert [text for text in some if slots(text).everything] == []
