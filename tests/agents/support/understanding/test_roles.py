"""A clause asks, keeps or tells; only what asks is a wish, and what is kept is left out."""

import pytest

from agents.support.understanding.chat import written_out
from agents.support.understanding.classify import understand
from agents.support.understanding.consent import verdict
from agents.support.understanding.exclusions import left_out, meant
from agents.support.understanding.roles import Role, clauses, examples, is_clause, roles

SAID: dict[str, list[tuple[str, Role]]] = {
    "The zip of the tote tore on the first day, and my aunt is rather cross. Could you send us a new one?": [
        ("zip", "tells"), ("aunt", "tells"), ("new one", "asks"),
    ],
    "please take the brush back, the comb works fine": [("brush", "asks"), ("comb", "keeps")],
    "don't cancel the desk mat just want to know when it comes": [("cancel", "keeps"), ("when", "asks")],
    "头两天拉链就坏了，我姑挺生气的，麻烦换个新的给我": [("拉链", "tells"), ("换个新的", "asks")],
    "梳子退掉，刷子留着": [("梳子", "asks"), ("刷子", "keeps")],
    "桌垫那单别取消，我就问问寄了没有": [("取消", "keeps"), ("问问", "asks")],
}  # fmt: skip


@pytest.mark.parametrize("text", SAID)
def test_a_clause_asks_keeps_or_tells(text: str) -> None:
    found = {text[one.begin : one.end]: one.role for one in clauses(text)}
    for word, role in SAID[text]:
        assert [known for clause, known in found.items() if word in clause] == [role]


@pytest.mark.parametrize(
    "text,kept,wanted",
    [
        ("please take the lamp back, the bottle is perfect", "bottle", "lamp"),
        ("台灯帮我退了，水杯挺好不动", "水杯", "台灯"),
    ],
)
def test_what_is_kept_is_left_out(text: str, kept: str, wanted: str) -> None:
    assert kept in left_out(text)
    assert kept not in meant(text)
    assert wanted in meant(text)
    assert len(meant(text)) == len(text)


def test_what_is_kept_without_a_wish_or_a_name_leaves_nothing_out() -> None:
    assert left_out("the bottle is perfect, we like the lamp as well") == ""
    assert left_out("take the lamp back, everything is fine otherwise") == ""


@pytest.mark.slow  # fits the models of intents
@pytest.mark.parametrize(
    "text,name",
    [
        ("My aunt sewed for sixty years. She finds the lamp too dark. Might we return it?", "return_items"),
        ("I was away for a month and my neighbour kept the parcel. So please cancel the keyboard.", "cancel_order"),
        ("前阵子住院了，一直没顾上。键盘那单帮我取消吧", "cancel_order"),
    ],
)  # fmt: skip
def test_what_is_told_is_no_wish(text: str, name: str) -> None:
    understood = understand(text)
    assert understood.best.name == name
    assert understood.wishes == ()


@pytest.mark.slow
def test_a_list_is_cut_at_its_numbers() -> None:
    text = "1 台灯退掉 2 键盘那单取消 3 音箱发货了没有？"
    assert [text[one.begin : one.end].strip() for one in clauses(text)] == [
        "台灯退掉",
        "键盘那单取消",
        "音箱发货了没有",
    ]
    assert [wish.name for wish in understand(text).wishes] == [
        "return_items",
        "cancel_order",
        "order_status",
    ]


def test_short_pieces_are_no_clauses() -> None:
    assert is_clause("send it back")
    assert not is_clause("in red")
    assert len(clauses("the red one, in L, by PayPal")) == 1


def test_very_many_clauses_are_not_all_classified() -> None:
    assert roles(["the zip tore on the first day"] * 20)[-1] == "asks"


def test_each_role_has_examples_of_both_languages() -> None:
    for chinese in (False, True):
        mine = [role for text, role in examples() if text.isascii() != chinese]
        assert min(mine.count(role) for role in set(mine)) >= 60
        assert set(mine) == {"asks", "keeps", "tells"}


@pytest.mark.parametrize(
    "typed,written",
    [
        ("whats ur address n do u ship w ups", "what's your address and do you ship with ups"),
        ("size w", "size w"),
        ("那伞啥时候到", "那伞什么时候到"),
        ("mail me at u@example.com", "mail me at u@example.com"),
    ],
)
def test_what_is_typed_in_a_hurry_is_written_out(typed: str, written: str) -> None:
    assert written_out(typed) == written


@pytest.mark.parametrize("text", ["n", "u", "r u ok", "idk", "啥", "咋样", "行不"])
def test_no_word_in_a_hurry_becomes_a_yes(text: str) -> None:
    assert verdict(written_out(text), "order_status", "") != "yes"
