"""What is said of the options of goods, in both languages."""

from collections.abc import Collection

import pytest

from agents.shop.catalogue import catalogue
from agents.support.understanding.options import Option, said_of_options


def known(name: str) -> Collection[Option]:
    """Every option that the shop has of a product."""
    return {one for v in catalogue().values() if v.name == name for one in v.options.items()}


def said(text: str, name: str) -> dict[Option, bool]:
    """The options that the text names -> whether it denies them."""
    found = said_of_options(text, known(name))
    return {option: word.denied for word in found for option in word.options}


@pytest.mark.parametrize(
    "text,name,options",
    [
        ("the wired pair", "Headphones", {("connectivity", "wired"): False}),
        ("有线的那副", "Headphones", {("connectivity", "wired"): False}),
        ("a 2000 pcs one", "Jigsaw Puzzle", {("pieces", "2000"): False}),
        ("2000片的", "Jigsaw Puzzle", {("pieces", "2000"): False}),
        ("the 30 ml bottle", "Perfume", {("size", "30ml"): False}),
        ("30毫升", "Perfume", {("size", "30ml"): False}),
        ("a 13 inch screen", "Laptop", {("screen size", "13-inch"): False}),
        ("13寸的", "Laptop", {("screen size", "13-inch"): False}),
        ("size 10, please", "Sneakers", {("size", "10"): False}),
        ("a 6 would be better", "Sneakers", {("size", "6"): False}),
        ("要6码的", "Sneakers", {("size", "6"): False}),
        ("anything but gray", "Sneakers", {("color", "gray"): True}),
        ("I don't want the black ones", "Sneakers", {("color", "black"): True}),
        ("不要黑色", "Sneakers", {("color", "black"): True}),
        ("with no armrests", "Office Chair", {("armrest", "*"): True}),
        ("不带扶手的", "Office Chair", {("armrest", "*"): True}),
        ("the one that is waterproof", "Action Camera", {("waterproof", "*"): False}),
        ("the one with armrest: none", "Office Chair", {("armrest", "*"): True}),
        ("a white dial", "Wristwatch", {("dial color", "white"): False}),
    ],
)
def test_a_word_stands_for_options(text: str, name: str, options: dict[Option, bool]) -> None:
    assert said(text, name) == options


def test_a_number_or_a_character_in_another_word_is_no_option() -> None:
    assert said("order 10 of them on 6 May", "Sneakers") == {}
    assert said("蓝牙音箱", "Bluetooth Speaker") == {}


def test_goods_without_what_is_denied_fit() -> None:
    (word,) = said_of_options("not waterproof", known("Hiking Boots"))
    assert word.fits({"waterproof": "no"})
    assert not word.fits({"waterproof": "yes"})


@pytest.mark.parametrize(
    "text",
    [
        "the black frame with brown lenses",
        "frame black, lenses brown",
        "黑框茶色镜片的",
        "镜片要棕色的，框是黑色",
    ],
)
def test_a_colour_is_that_of_the_part_next_to_it(text: str) -> None:
    assert said(text, "Sunglasses") == {
        ("frame color", "black"): False, ("lens color", "brown"): False,
    }  # fmt: skip


@pytest.mark.parametrize(
    "text,option",
    [("the fleecy one", "fleece"), ("the greyish one", "grey"), ("a brownish one", "brown")],
)
def test_an_adjective_is_the_material_or_the_colour(text: str, option: str) -> None:
    assert [value for _, value in said(text, "Pet Bed")] == [option]
