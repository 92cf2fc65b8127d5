"""The record: goods from a file, all or nothing, and a file of an earlier release."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agents.services.inventory.sandbox import load_stock
from agents.services.inventory.stock_file import BadStock, read_stock
from agents.services.sandbox.record import open_record, transaction
from agents.services.systems import schema


def goods(folder: Path, text: str) -> Path:
    file = folder / "goods.csv"
    file.write_text(text)
    return file


def test_a_restart_does_not_fill_up(tmp_path: Path) -> None:
    file = goods(tmp_path, "sku,on_hand,weight_grams\nA,5,100\n")
    with closing(open_record(tmp_path, schema())) as db:
        load_stock(db, file)
        db.execute("UPDATE stock SET on_hand = 2, shipped = 3")
    with closing(open_record(tmp_path, schema())) as db:
        load_stock(db, goods(tmp_path, "sku,on_hand,weight_grams\nA,5,100\nB,1,9\n"))
        rows = db.execute("SELECT sku, on_hand, shipped FROM stock ORDER BY sku").fetchall()
    assert [tuple(row) for row in rows] == [("A", 2, 3), ("B", 1, 0)]


def test_a_record_of_an_earlier_release_is_gone_on_with(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "sandbox.db")) as db, db:
        db.execute(
            "CREATE TABLE reservations (key TEXT PRIMARY KEY, status TEXT NOT NULL,"
            " weight_grams INTEGER NOT NULL) WITHOUT ROWID"
        )
        db.execute("INSERT INTO reservations VALUES ('k', 'held', 5)")
    for _ in range(2):
        with closing(open_record(tmp_path, schema())) as db:
            assert tuple(db.execute("SELECT * FROM reservations").fetchone()) == ("k", "held", 5, 0)


@pytest.mark.parametrize(
    "text, problem",
    [
        ("", "column on_hand, sku, weight_grams is missing"),
        ("sku,on_hand\nA,1\n", "column weight_grams is missing"),
        ("sku,on_hand,weight_grams\nA,1,5\nB,x,5\n", "line 3"),
        ("sku,on_hand,weight_grams\nA,-1,5\n", "line 2"),
        ("sku,on_hand,weight_grams\n,1,5\n", "line 2"),
        ("sku,on_hand,weight_grams\nA\n", "line 2"),
        ("sku,on_hand,weight_grams\nA,1_000,5\n", "line 2"),
        ("sku,on_hand,weight_grams\nA,1,5,7\n", "line 2"),
        ('sku,on_hand,weight_grams\n"A\nB",1,5\nC,x,5\n', "line 4"),
        ('sku,on_hand,weight_grams\n"A,1,5\nB,1,5\n', "cannot be read"),
        ('sku,on_hand,weight_grams\n"A"x,1,5\n', "cannot be read"),
    ],
)
def test_the_line_of_a_bad_file_is_named(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(BadStock, match=problem):
        read_stock(goods(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadStock, match=r"nowhere\.csv"):
        read_stock(tmp_path / "nowhere.csv")


def test_stock_that_does_not_add_up_cannot_be_written(tmp_path: Path) -> None:
    with closing(open_record(tmp_path, schema())) as db:
        load_stock(db, goods(tmp_path, "sku,on_hand,weight_grams\nA,5,100\n"))
        for wrong in ("on_hand = 6", "on_hand = -1, reserved = 6", "shipped = 1"):
            with pytest.raises(sqlite3.IntegrityError), transaction(db):
                db.execute(f"UPDATE stock SET {wrong}")
        assert tuple(db.execute("SELECT on_hand, reserved, shipped FROM stock").fetchone()) == (
            5, 0, 0,
        )  # fmt: skip
