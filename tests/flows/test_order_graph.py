"""The READMEs draw the graph of orders as it is, and money is held only for goods that are there."""

import re
from itertools import pairwise

from flows.fulfilment import FULFIL
from tests.readmes import ROOT


def readme(folder: str) -> str:
    return (ROOT / folder / "README.md").read_text(encoding="utf-8")


def arrows(drawing: str) -> set[tuple[str, str]]:
    """The solid arrows between agents, with the short forms of Mermaid written out."""
    found: set[tuple[str, str]] = set()
    for line in drawing.splitlines():
        groups = [re.findall(r"\w+", part.partition("(")[0]) for part in line.split("-->")]
        found |= {(a, b) for first, then in pairwise(groups) for a in first for b in then}
    return found


def test_the_readme_of_orders_shows_the_graph() -> None:
    assert f"```mermaid\n{FULFIL.draw()}\n```" in readme("agents/orders")


def test_the_first_readme_shows_the_same_arrows() -> None:
    (drawing,) = re.findall(r"```mermaid\n(.*?)```", readme("."), re.DOTALL)
    around = {
        ("accept", "assess_risk"),
        ("issue_stock", "notify_customer"),
        ("undone", "notify_customer"),
    }
    assert arrows(drawing) == arrows(FULFIL.draw()) | around


def test_nothing_is_begun_before_the_risk_is_known_and_no_money_is_held_before_the_stock() -> None:
    before = {agent.name: {one.name for one in firsts} for agent, firsts in FULFIL.before.items()}
    assert before["reserve_stock"] == before["open_payment"] == {"assess_risk"}
    assert before["authorise_payment"] == {"reserve_stock", "open_payment"}
    assert before["book_shipment"] >= {"capture_payment"}
    assert before["issue_stock"] >= {"book_shipment"}
