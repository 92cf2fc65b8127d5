"""Cells that a spreadsheet would run are shown instead."""

import pytest

from agents.services.files.formulas import escape_formula


@pytest.mark.parametrize(
    "text",
    [
        "=cmd()",
        "+1",
        "-1",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff201",
    ],
)
def test_a_formula_is_escaped(text: str) -> None:
    assert escape_formula(text) == "'" + text


@pytest.mark.parametrize("text", ["", "a", "a=1", "1-2", " =1", "'=1", "007"])
def test_other_text_stays(text: str) -> None:
    assert escape_formula(text) == text
