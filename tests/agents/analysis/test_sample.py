"""The sample has every line of the package's files once, in a file for each month."""

import gzip
from pathlib import Path
from urllib.request import urlopen

import pytest

from agents.analysis.sample.flights import months, sample_study
from agents.analysis.sample.serving import serving


@pytest.mark.slow
def test_every_line_is_in_the_file_of_its_month(tmp_path: Path) -> None:
    files = months(tmp_path)
    flights = [gzip.decompress(path.read_bytes()).splitlines() for path in files["flights"]]
    assert sum(len(lines) - 1 for lines in flights) == 336_776
    assert all(line.startswith(b"2013,7,") for line in flights[6][1:])
    weather = [path.read_bytes().splitlines() for path in files["weather"]]
    assert sum(len(lines) - 1 for lines in weather) == 26_115
    before = files["flights"][0].stat().st_mtime_ns
    assert months(tmp_path)["flights"][0].stat().st_mtime_ns == before


@pytest.mark.slow
def test_the_study_names_the_served_files(tmp_path: Path) -> None:
    there = {path.name for paths in months(tmp_path).values() for path in paths}
    named = {at.removeprefix("sample:///") for s in sample_study().sources for at in s.locations}
    assert named == there


def test_the_server_serves_only_files_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret.csv").write_text("x", encoding="utf-8")
    (tmp_path / "inside" / "a.csv").write_text("y", encoding="utf-8")
    with serving(tmp_path / "inside") as server:
        assert urlopen(f"http://{server.host}/a.csv").read() == b"y"
        for path in ("../secret.csv", "%2e%2e/secret.csv", "b.csv"):
            with pytest.raises(OSError, match="404"):
                urlopen(f"http://{server.host}/{path}")
