"""A proposed contract loads, fits the data that it is from, and says what was seen."""

from pathlib import Path

from agents.analysis.cleaning.partition import clean
from agents.analysis.cleaning.reading import read_table
from agents.analysis.proposing import proposed
from agents.analysis.study import read_contract

SHOPS = ("NO", "Ulm")
ROWS = "".join(
    f"2024-01-{day:02};{shop};{day:05};{day},5;{'yes' if day % 2 else 'no'};{day % 4};"
    f"2024/01/{day:02};AB-{day:03};{'NA' if day == 3 else day * 2}\n"
    for day in range(1, 32)
    for shop in SHOPS
)
TABLE = f"at;shop;zip;price;open;sold;paid;code;left\n{ROWS}"


def test_it_fits_the_data_and_nothing_is_lost(tmp_path: Path) -> None:
    data = tmp_path / "sales.csv"
    data.write_text(TABLE)
    (tmp_path / "sales.yaml").write_text(text := proposed(data, "sales"))
    contract = read_contract(tmp_path / "sales.yaml")
    assert {name: column.type for name, column in contract.columns.items()} == {
        "at": "time", "shop": "text", "zip": "text", "price": "number", "open": "boolean",
        "sold": "integer", "paid": "time", "code": "text", "left": "integer",
    }  # fmt: skip
    assert contract.key == ("at", "shop")
    assert contract.missing == ("NA",)
    assert contract.columns["shop"].one_of == ("NO", "Ulm")
    assert contract.columns["zip"].pattern == "[0-9]{5}"
    assert contract.columns["code"].pattern == r"[A-Z]{2}\-[0-9]{3}"
    assert contract.columns["paid"].format == "%Y/%m/%d"
    assert "# 2 missing; from 2 to 62" in text
    outcome = clean(read_table([data], "sales.csv", contract), contract)
    assert (len(outcome.good), outcome.quarantine) == (62, [])


def test_a_rare_text_is_named(tmp_path: Path) -> None:
    data = tmp_path / "x.csv"
    data.write_text("city\n" + "Ulm\n" * 150 + "Ulmm\n")
    assert "# 2 different, such as 'Ulm'; 'Ulmm' only 1 times" in proposed(data, "x")


def test_what_does_not_fit_is_named_and_a_time_is_asked_for(tmp_path: Path) -> None:
    data = tmp_path / "x.csv"
    data.write_text("n: #\n" + "1\n" * 200 + "many\n")
    text = proposed(data, "x")
    assert "# No column of times was found" in text
    assert "'n: #': {type: integer, required: true, low: 0}  # 1 do not fit, such as 'many'" in text
