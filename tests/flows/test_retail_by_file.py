"""Users of the benchmark's retail tasks are served through files, as `--file` serves a shop's own turns."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from agents.support.evaluation.retail_dialogues import RetailShop, begin, play_all
from agents.support.evaluation.tau2 import is_installed, retail_tasks
from agents.support.models import Decided, Replied, Turn
from agents.support.run import open_run
from flows.conversation import answer_beside
from flows.customer_service import answer_file

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="inspect-evals is not installed"),
    pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True),
]
FEW = 2


async def play(shop: RetailShop, folder: Path) -> None:
    """Play all dialogues; each round is a file with all turns so far, of which only the last are new."""
    rows: list[str] = []

    async def serve(turns: Sequence[Turn]) -> list[tuple[Decided, Replied]]:
        rows.extend(
            turn.model_dump_json(include={"conversation", "user", "text"}) for turn in turns
        )
        file, out = folder / "turns.jsonl", folder / "replies.jsonl"
        file.write_text("\n".join(rows), "utf-8")
        await answer_file(str(file), str(out), partial(answer_beside, shop.answers()))
        lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
        async with open_run() as run:
            found = [(await run.answered(turn))[1:] for turn in turns]
        assert [one["reply"] for one in lines[-len(turns) :]] == [said.text for _, said in found]
        assert len(lines) == len(rows)
        return found

    await play_all(shop, serve)


async def test_some_of_the_benchmarks_users_reach_their_ends_through_files(
    environment: None, tmp_path: Path
) -> None:
    shop = begin(1, retail_tasks()[:FEW])
    await play(shop, tmp_path)
    assert [one.name for one in shop.played.values() if not one.same] == []


@pytest.mark.campaign
async def test_nearly_all_of_the_benchmarks_users_reach_their_ends_through_files(
    environment: None, tmp_path: Path
) -> None:
    shop = begin(1)
    await play(shop, tmp_path)
    same = [one.same for one in shop.played.values()]
    assert sum(same) >= 0.95 * len(same)
