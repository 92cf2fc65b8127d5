"""One of several goods is chosen by its options, by its price and size, or beside what it replaces."""

import pytest

from agents.support.dialogue.choosing import Candidate, Replaced, narrowed, options_of_all

BAGS = [
    Candidate("s", {"size": "small", "color": "black", "material": "canvas"}, 3_000),
    Candidate("m", {"size": "medium", "color": "black", "material": "leather"}, 5_050),
    Candidate("l", {"size": "large", "color": "beige", "material": "leather"}, 8_000),
]
KNOWN = options_of_all(BAGS) | {("color", "green")}


def chosen(text: str, replaced: Replaced | None = None) -> str | None:
    found = narrowed(text, BAGS, KNOWN, replaced)
    return None if found is None else "".join(one.key for one in found)


@pytest.mark.parametrize(
    "text,keys",
    [
        ("the beige one", "l"),
        ("米色那个", "l"),
        ("the black leather one", "m"),
        ("the one that isn't leather", "s"),
        ("不是真皮的那个", "s"),
        ("the cheapest one", "s"),
        ("贵的那个", "l"),
        ("the bigger one", "l"),
        ("the 50.50 dollar one", "m"),
        ("30块钱的那个", "s"),
        ("the green one", ""),
        ("I saw it cheaper elsewhere", None),
        ("the one that was nearly 80 dollars", "l"),
        ("50 something", "m"),
        ("that one is cheaper", None),
        ("the bag that is more expensive", "l"),
        ("send it back", None),
    ],
)
def test_one_of_several_is_described(text: str, keys: str | None) -> None:
    assert chosen(text) == keys


@pytest.mark.parametrize(
    "text,keys",
    [
        ("one size up", "l"),
        ("大一号的", "l"),
        ("something smaller", "s"),
        ("a cheaper one", "s"),
        ("the cheapest", "s"),
        ("in beige", "l"),
        ("make it black, no, beige", "l"),
        ("black, but small", "s"),
    ],
)
def test_what_is_wanted_instead_is_compared_with_what_it_replaces(text: str, keys: str) -> None:
    assert chosen(text, Replaced(BAGS[1])) == keys


def test_what_is_said_before_the_change_describes_the_old_one() -> None:
    text = "swap the leather bag for a canvas one"
    assert chosen(text, Replaced(BAGS[1], since=text.index("a canvas"))) == "s"
