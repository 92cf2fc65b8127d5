"""Fixtures for tests of one's own: a nursery that forks, and cells to play in it.

Import them into a test module; its tests share one event loop with them:

    from tests.faults.fixtures import nursery, play
    pytestmark = pytest.mark.asyncio(loop_scope="module")

    async def test_it(play: Play) -> None:
        played = await play("called:capture_payment@1")
        assert not played.breaches
"""

from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from typing import Protocol

import pytest_asyncio

from tests.faults.campaign import Played, Player, Quiet, recorded
from tests.faults.cells import parse_cell
from tests.faults.client import NurseryClient, open_nursery
from tests.faults.ground import Ground, Kind, open_ground, open_journals
from tests.faults.sabotage import next_release


class Play(Protocol):
    """Plays the cell of that name on that kind of journal, and judges it."""

    def __call__(self, name: str, journal: Kind = "sqlite", seed: int = 1) -> Awaitable[Played]:
        """What happened, and all breaches."""
        ...


class OpenGround(Protocol):
    """Opens the ground of that kind of journal, once."""

    def __call__(self, journal: Kind = "sqlite") -> Awaitable[Ground]:
        """The ground."""
        ...


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nursery() -> AsyncIterator[NurseryClient]:
    """A parent that forks a child for each run."""
    async with open_nursery() as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grounds() -> AsyncIterator[OpenGround]:
    """Sandbox and journals, opened when they are first asked for."""
    opened: dict[Kind, Ground] = {}
    async with AsyncExitStack() as stack:

        async def ground(journal: Kind = "sqlite") -> Ground:
            if journal not in opened:
                journals = await stack.enter_async_context(open_journals(journal))
                opened[journal] = await stack.enter_async_context(open_ground(journals))
            return opened[journal]

        yield ground


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def play(nursery: NurseryClient, grounds: OpenGround) -> Play:
    """Play a cell."""
    undisturbed: dict[Kind, float] = {}

    async def played(name: str, journal: Kind = "sqlite", seed: int = 1) -> Played:
        ground, cell = await grounds(journal), parse_cell(name)
        if journal not in undisturbed:
            undisturbed[journal] = (await recorded(nursery, ground)).seconds
        quiet = Quiet(seed, undisturbed[journal])
        player = Player(nursery, ground, quiet)
        async with AsyncExitStack() as stack:
            if cell.release:
                tree = await stack.enter_async_context(next_release())
                other = await stack.enter_async_context(open_nursery(tree))
                player.other = Player(other, ground, quiet)
            return await player.play(cell)

    return played
