"""A runtime that ends by an error hands its items back and says what is left."""

import pytest

from agents.runtime.context import open_runtime
from agents.runtime.errors import SettingsError
from agents.runtime.settings import Settings
from flows.cli.error_messages import expected, unexpected
from tests.agents.runtime.jobs import batch_of, jobs


async def failing(settings: Settings, error: Exception) -> None:
    """A run that holds three jobs when it fails."""
    async with open_runtime(settings):
        await batch_of(jobs(3))
        raise error


async def test_a_run_that_fails_says_what_is_left_and_what_finishes_it(
    journal_settings: Settings,
) -> None:
    error = ZeroDivisionError("by a bug")
    with pytest.raises(ZeroDivisionError) as failed:
        await failing(journal_settings, error)
    (note,) = failed.value.__notes__
    assert note.startswith("left: 3 of jobs not finished")
    for words in (unexpected(error), expected(SettingsError(()), {})):
        assert ("flows.operations recover" in words) == ("by a bug" in words)


async def test_a_run_that_fails_before_it_holds_items_says_nothing_of_others(
    journal_settings: Settings,
) -> None:
    with pytest.raises(ZeroDivisionError):
        await failing(journal_settings, ZeroDivisionError())
    with pytest.raises(ValueError, match="typed wrong") as failed:
        async with open_runtime(journal_settings):
            raise ValueError("typed wrong")
    assert not hasattr(failed.value, "__notes__")
