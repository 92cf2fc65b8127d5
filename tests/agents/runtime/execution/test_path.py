"""The path of one effect call through the runtime is short, and the runtime's README lists it in full."""

import re
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType

import agents.runtime
from agents.runtime.context import open_runtime
from agents.runtime.execution.agent import EffectKey
from agents.runtime.execution.decorator import agent
from agents.runtime.intake.intake import Intake
from agents.runtime.model.batch import Batch, RunStats
from agents.runtime.model.policies import EFFECT
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import HOUR, JOBS, AnyAgent, Job, Made, jobs, submissions

RUNTIME = Path(agents.runtime.__file__).parent
README = (RUNTIME / "README.md").read_text(encoding="utf-8")
MOST_FILES, MOST_FRAMES = 16, 4


class Recorder:
    """Notes which files of the runtime run, in this thread and in threads that start meanwhile."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self._recording = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Within the block, new threads are observed: SQLite's driver runs in its own."""
        threading.setprofile(self._observe)
        try:
            yield
        finally:
            threading.setprofile(None)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Within the block, files are noted."""
        sys.setprofile(self._observe)
        self._recording = True
        try:
            yield
        finally:
            self._recording = False
            sys.setprofile(None)

    def _observe(self, frame: FrameType, _event: str, _argument: object) -> None:
        if self._recording and (file := file_of(frame)) is not None:
            self.files.add(file)


def file_of(frame: FrameType) -> str | None:
    """The frame's file within the runtime, as the README names it."""
    path = Path(frame.f_code.co_filename)
    return path.relative_to(RUNTIME).as_posix() if path.is_relative_to(RUNTIME) else None


def frames_above() -> list[tuple[str, str]]:
    """File and function of the runtime's frames above the caller's, the innermost first."""
    found, frame = [], sys._getframe(2)
    while frame.f_back is not None:
        if (file := file_of(frame)) is not None:
            found.append((file, frame.f_code.co_name))
        frame = frame.f_back
    return found


def files_in_readme() -> list[str]:
    """The numbered list of the README: `1. **`clock.py`** ...`."""
    return re.findall(r"^\d+\. \*\*`([\w/.]+)`\*\*", README, re.MULTILINE)


def frames_in_readme() -> list[str]:
    """The README's block of nested frames, from `work` to `your function`."""
    (block,) = re.findall(r"^```text\n(work .*?your function)", README, re.DOTALL | re.MULTILINE)
    return [line.split()[0] for line in block.splitlines()][:-1]


def charging(stacks: list[list[tuple[str, str]]]) -> AnyAgent:
    """An effect as real ones are; it notes the frames above each call."""

    @agent(EFFECT.limited_by("payments"), settle=HOUR)
    async def charge(job: Job, key: EffectKey) -> Made:
        assert key
        stacks.append(frames_above())
        return Made(by="charge", n=job.n)

    return charge


@asynccontextmanager
async def warm_runtime(settings: Settings, charge: AnyAgent) -> AsyncIterator[Batch]:
    """A batch for a runtime that has made a call: statements are built and SQLite's thread runs.

    The lease is so long that no heartbeat falls into the test.
    """
    async with open_runtime(settings.model_copy(update={"lease_seconds": 300.0})):
        intake = Intake(JOBS, RunStats(), lambda _rejection: None)
        # Kept until the end: Python would close a generator without a reference while files are noted.
        batches = intake.accepted(submissions(jobs(4)), size=2)
        await charge(await anext(batches))
        yield await anext(batches)


async def test_an_effect_call_passes_the_files_that_the_readme_lists(
    journal_settings: Settings,
) -> None:
    charge, recorder = charging([]), Recorder()
    with recorder.installed():
        async with warm_runtime(journal_settings, charge) as batch:
            with recorder.recording():
                result = await charge(batch)
            assert result.count == 2
    assert recorder.files == set(files_in_readme())
    assert len(files_in_readme()) == len(recorder.files) <= MOST_FILES


async def test_few_frames_stand_between_the_step_and_the_agents_function(
    journal_settings: Settings,
) -> None:
    stacks: list[list[tuple[str, str]]] = []
    async with warm_runtime(journal_settings, charging(stacks)):
        pass
    outer_first = stacks[0][::-1]
    assert outer_first[0] == ("execution/step.py", "work")
    assert [name for _, name in outer_first] == frames_in_readme()
    assert len(outer_first) - 1 <= MOST_FRAMES
