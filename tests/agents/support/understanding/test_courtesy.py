"""Courtesies around what is wanted are left out; what consists of them stays."""

import pytest

from agents.support.understanding.courtesy import without_courtesy


@pytest.mark.parametrize(
    "text,rest",
    [
        ("excuse me, where is my parcel? many thanks", "where is my parcel"),
        ("would you be so kind as to cancel my order", "cancel my order"),
        ("sorry to disturb you again: i want my money", "i want my money"),
        ("晚上好，我的包裹到哪了，辛苦了", "我的包裹到哪了"),
        ("请问一下 怎么退货", "怎么退货"),
        ("hello there", "hello there"),
        ("谢谢您", "谢谢您"),
        ("many thanks", "many thanks"),
        ("where is my parcel", "where is my parcel"),
        ("麻烦您退货", "麻烦您退货"),
        ("hidden fees", "hidden fees"),
    ],
)
def test_what_is_wanted_is_left(text: str, rest: str) -> None:
    assert without_courtesy(text) == rest
