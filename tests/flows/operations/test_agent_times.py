"""People see how long the calls of agents take, and which time-outs follow."""

from flows.operations.agent_times import agents
from tests.flows.shop import Shop


async def test_agents_are_listed_with_their_times_and_timeouts(shop: Shop) -> None:
    await shop.process(shop.orders(2))
    listing = await agents.fn("orders")
    rows = {row["agent"]: row for row in listing.table}
    assert listing.title == f"{len(rows)} agents of orders"
    opened, assessed = rows["open_payment"], rows["assess_risk"]
    assert (opened["calls"], opened["time-out"]) == ("2", "10.0 s, not learned yet")
    assert opened["99 % within"].endswith("s")
    assert opened["second after"] == "", "an effect never gets a second attempt"
    assert (assessed["calls"], assessed["time-out"]) == ("2", ""), "a plain function has none"
