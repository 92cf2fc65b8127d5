"""Rejected records are kept in a file, unchanged, whatever their bytes."""

import base64
from pathlib import Path

import orjson

from agents.runtime.intake.intake import Rejection
from agents.runtime.intake.rejects import Rejects
from agents.runtime.run_files import RunFile


def test_without_rejections_there_is_no_file_and_an_old_one_stays(tmp_path: Path) -> None:
    latest = tmp_path / "rejects.jsonl"
    with Rejects(RunFile.beside(latest)) as first:
        first.keep(Rejection(3, "json", "line 3: not JSON"))
    with Rejects(RunFile.beside(latest)) as rejects:
        pass
    assert (rejects.count, rejects.path.exists()) == (0, False)
    assert latest.resolve() == first.path


def test_each_rejection_is_written_at_once_with_its_raw_record(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "rejects.jsonl"
    with Rejects(RunFile.beside(path)) as rejects:
        rejects.keep(Rejection(3, "json", "line 3: not JSON", b'{"a":\n'))
        rejects.keep(Rejection(9, "bytes", "line 9: not UTF-8", b"\xff\x00"))
        rows = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert rejects.count == 2
    assert path.read_bytes() == rejects.path.read_bytes()
    assert rows[0] == {"line": 3, "rule": "json", "message": "line 3: not JSON", "raw": '{"a":\n'}
    assert base64.b64decode(rows[1]["raw_base64"]) == b"\xff\x00"
