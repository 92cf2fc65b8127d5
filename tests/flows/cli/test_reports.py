"""Results of operations are shown in a terminal and in the UI."""

from flows.cli.reports import Listing, shown


async def test_a_listing_is_a_headline_a_table_and_notes() -> None:
    listing = Listing(title="2 items", table=[{"item": "a"}, {"item": "b"}], lines=["see the log"])
    assert await shown("items", listing) is listing
    assert listing.headline() == "2 items"
    assert [row["item"] for row in listing.rows()] == ["a", "b"]
    assert listing.notes() == ["see the log"]
