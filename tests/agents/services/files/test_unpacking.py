"""Plain bytes of packed files, within the same bounds as records."""

import gzip
import zipfile
from pathlib import Path

import pytest

from agents.services.files.formats import Format
from agents.services.files.limits import Limits
from agents.services.files.outcomes import SourceError
from agents.services.files.unpacking import unpacked

TEXT = b"a,b\n1,2\n"


def packed(tmp_path: Path, name: str) -> Path:
    path = tmp_path / "raw"
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(TEXT))
    elif name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.csv", TEXT)
    else:
        path.write_bytes(TEXT)
    return path


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.csv.zip", "x.zip"])
def test_the_bytes_are_the_same_however_they_are_packed(tmp_path: Path, name: str) -> None:
    with unpacked(packed(tmp_path, name), name) as (form, stream):
        assert form is Format.CSV
        assert stream.read() == TEXT


@pytest.mark.parametrize(
    "name,rule",
    [("x.json.zip", "wrong-format"), ("x.xml", "unknown-format"), ("x.parquet", "wrong-format")],
)
def test_a_name_must_tell_the_truth(tmp_path: Path, name: str, rule: str) -> None:
    path = packed(tmp_path, name)
    with pytest.raises(SourceError) as error, unpacked(path, name):
        pass
    assert error.value.rule == rule


def test_a_bomb_is_refused_while_it_unpacks(tmp_path: Path) -> None:
    path = tmp_path / "raw"
    path.write_bytes(gzip.compress(b"a" * 1_000_000))
    with pytest.raises(SourceError, match="expands"):
        unpack(path, Limits(ratio=10, ratio_floor=1_000))


def unpack(path: Path, limits: Limits) -> int:
    with unpacked(path, "x.csv.gz", limits) as (_, stream):
        return sum(len(chunk) for chunk in iter(stream.read, b""))
