"""Entries that are no messages or cannot be handled become dead messages; their consumer continues."""

import asyncio
import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agents.runtime.context import Runtime
from agents.runtime.errors import PermanentError
from agents.runtime.messaging import Delivery, Topic, subscribe
from agents.runtime.messaging.dead_letters import NotDead, open_dead_messages, redeliver
from agents.runtime.messaging.subscriber import MOST_DELIVERIES
from agents.runtime.model.message import FIELD, LARGEST, Envelope
from agents.runtime.settings import Settings
from tests.agents.runtime.messaging.mailbox import (
    NEWS,
    Note,
    add_entry,
    dead_message_rows,
    eventually,
    reasons,
    serving_bus,
)

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


def forged(**changed: Any) -> dict[bytes, bytes]:
    """An entry that looks like a message."""
    fields = {"id": "f" * 32, "topic": "news", "version": "1", "item": None, "sequence": None}
    return {FIELD: json.dumps({**fields, "trace": TRACE, "body": "{}"} | changed).encode()}


def code(canary: Path) -> str:
    return f"__import__('pathlib').Path({str(canary)!r}).touch()"


def evil(canary: Path) -> list[tuple[dict[bytes, bytes], str]]:
    """Entries and the reason of each; if any is run or unpickled, the canary file appears."""
    command, name = code(canary), str(canary)
    # A pickle, written by hand, that opens the file for writing when it is loaded.
    pickled = f"cbuiltins\nopen\n(V{name}\nVw\ntR.".encode()
    yaml = f"!!python/object/apply:builtins.open ['{name}', 'w']".encode()
    return [
        ({FIELD: command.encode()}, "undecodable"),
        ({b"data": command.encode()}, "malformed"),
        ({FIELD: pickled}, "undecodable"),
        ({FIELD: base64.b64encode(pickled)}, "undecodable"),
        ({FIELD: yaml}, "undecodable"),
        ({FIELD: b"\xff\xfe\x00"}, "undecodable"),
        ({FIELD: b""}, "undecodable"),
        ({FIELD: b"[" * 50_000}, "undecodable"),
        ({FIELD: b'"x"'}, "malformed"),
        ({FIELD: b"{}"}, "malformed"),
        ({FIELD: b"x" * (LARGEST + 1)}, "oversize"),
        ({FIELD: b"{}", b"more": b"fields"}, "malformed"),
        (forged(body=command), "unknown"),
        (forged(body='{"n": 1}'), "unknown"),
        (forged(topic="other"), "wrong-topic"),
        (forged(version="0x1"), "malformed"),
        (forged(trace=command), "malformed"),
        (forged(extra=1), "malformed"),
        (forged(sequence="1"), "malformed"),
        ({FIELD: forged()[FIELD].replace(b'"item": null, ', b"")}, "malformed"),
    ]


async def test_entries_are_never_executed_and_the_consumer_continues(
    opened: Runtime, journal_settings: Settings, tmp_path: Path
) -> None:
    received, canary = list[Note](), tmp_path / "canary"

    @subscribe(NEWS, "ears")
    async def listen(note: Note, _: Delivery) -> None:
        received.append(note)

    cases = evil(canary)
    async with serving_bus(journal_settings, listen) as bus:
        for fields, _ in cases:
            await add_entry(bus, "news", fields)
        await bus.publish(NEWS, Note(text=code(canary)))
        await eventually(lambda: len(received) == 1)
        await eventually(lambda: _count(opened, len(cases)))
    assert received == [Note(text=code(canary))]
    assert not canary.exists()
    found = await dead_message_rows(opened.journal.database)
    assert sorted((bytes(row.body), row.reason) for row in found) == sorted(
        (fields[FIELD] if set(fields) == {FIELD} else _joined(fields), reason)
        for fields, reason in cases
    )


async def test_a_changed_copy_of_a_message_is_not_handled(
    opened: Runtime, journal_settings: Settings
) -> None:
    received = list[Note]()

    @subscribe(NEWS, "ears")
    async def listen(note: Note, _: Delivery) -> None:
        received.append(note)

    async with serving_bus(journal_settings, listen) as bus:
        async with bus.transaction() as transaction:
            await transaction.publish(NEWS, Note(n=1), item=1)
            (true,) = transaction.envelopes
            for change in ({"body": '{"n":1000}'}, {"item": 2}, {"trace": TRACE}):
                transaction.envelopes.append(Envelope(**true.model_dump() | change))
        await eventually(lambda: _count(opened, 3))
    assert received == [Note(n=1)]
    assert set(await reasons(opened.journal.database)) == {"unknown"}


@pytest.mark.slow
async def test_a_message_that_fails_too_often_is_dead_and_can_be_redelivered(
    opened: Runtime, journal_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.runtime.messaging.subscriber.RETRY_SECONDS", 0.001)
    tried, mended = list[int](), list[bool]()

    @subscribe(NEWS, "fails", seconds=0.05)
    async def fail(note: Note, _: Delivery) -> None:
        tried.append(note.n)
        match note.n:
            case _ if mended:
                return
            case 1:
                raise ValueError("no luck")
            case 2:
                raise PermanentError("never")
            case 3:
                await _for_ever()
            case 4:
                _overflow(0)

    async with serving_bus(journal_settings, fail) as bus:
        for n in range(6):
            await bus.publish(NEWS, Note(n=n))
        await eventually(lambda: _count(opened, 4))
        assert sorted(await reasons(opened.journal.database)) == [
            "failed",
            "failed",
            "failed",
            "refused",
        ]
        assert [tried.count(n) for n in range(6)] == [1, *[MOST_DELIVERIES, 1], 5, 5, 1]
        deliveries = {
            row.error: row.deliveries for row in await open_dead_messages(opened.journal.database)
        }
        assert deliveries["ValueError('no luck')"] == MOST_DELIVERIES

        mended.append(True)
        for row in await open_dead_messages(opened.journal.database):
            await redeliver(opened.journal.database, row.id)
        await eventually(lambda: [tried.count(n) for n in (1, 2, 3, 4)] == [6, 2, 6, 6])
    assert await open_dead_messages(opened.journal.database) == []
    with pytest.raises(NotDead):
        await redeliver(opened.journal.database, "x")


async def test_a_version_that_cannot_be_read_is_a_dead_message(
    opened: Runtime, journal_settings: Settings
) -> None:
    received = list[Note]()

    @subscribe(NEWS, "ears")
    async def listen(note: Note, _: Delivery) -> None:
        received.append(note)

    versions = [Topic("news", Note, version) for version in ("0", "99", "1.7", "1")]
    async with serving_bus(journal_settings, listen) as bus:
        for n, topic in enumerate(versions):
            await bus.publish(topic, Note(n=n))
        await eventually(lambda: _count(opened, 2))
        await eventually(lambda: len(received) == 2)
    assert await reasons(opened.journal.database) == ["unreadable", "unreadable"]
    assert sorted(note.n for note in received) == [2, 3]


async def _for_ever() -> None:
    await asyncio.Event().wait()


def _overflow(depth: int) -> int:
    return _overflow(depth + 1) + 1


def _joined(fields: dict[bytes, bytes]) -> bytes:
    return b"\n".join(part for pair in fields.items() for part in pair)


async def _count(opened: Runtime, count: int) -> bool:
    found: Sequence[Any] = await dead_message_rows(opened.journal.database)
    return len(found) == count
