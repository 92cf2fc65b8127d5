"""What is kept of an installation, its ports, its logs, and how it is shown."""

import io
import os
import socket
import time
from pathlib import Path

import pytest
from rich.console import Console

from deployments.components import COMPONENTS, Form
from deployments.up import ports
from deployments.up.environment import laptop
from deployments.up.log_files import rotate
from deployments.up.other_terminal import NOT_HEALTHY, NOT_UP, down, status
from deployments.up.plan import listeners, plan
from deployments.up.processes import identity_of
from deployments.up.record import Entry, Record, Store
from deployments.up.screen import Screen, table


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "data")
    made.prepare()
    return made


def console(width: int) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, width=width, highlight=False, soft_wrap=True), file


def entries() -> list[Entry]:
    own = identity_of(os.getpid())
    healthy = Entry(
        "prefect-server", "healthy", own.pid, own.started, address="http://127.0.0.1:4200"
    )
    ended = Entry("consumer-others", "restarting", note="ended by signal 9; again in 0.5 s")
    return [healthy, ended, Entry("schedules", "waiting")]


def test_a_record_is_read_as_it_was_written_and_only_by_its_owner(store: Store) -> None:
    own = identity_of(os.getpid())
    written = Record("laptop", own.pid, own.started, {"gateway": 8484}, entries())
    store.write(written)
    assert store.read() == written
    assert written.supervisor == own
    assert (store.folder / "up.json").stat().st_mode & 0o077 == 0
    (store.folder / "up.json").write_text('{"form": 1')
    assert store.read() is None


@pytest.mark.parametrize("width", [40, 72, 200])
def test_a_table_fits_its_width(width: int) -> None:
    shown, file = console(width)
    shown.print(table(entries(), width))
    lines = file.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width
    text = "".join(line.strip() for line in lines)
    assert "prefect-server" in text
    assert "restarting" in text


def test_a_pipe_gets_a_line_for_each_change() -> None:
    shown, file = console(80)
    with Screen(shown) as screen:
        screen.show(entries()[1], entries())
    assert file.getvalue().endswith(
        "consumer-others restarting: ended by signal 9; again in 0.5 s\n"
    )


def test_status_and_down_of_what_does_not_run(store: Store) -> None:
    shown, file = console(80)
    assert status(store, shown) == NOT_UP
    assert down(store, shown) == 0
    assert file.getvalue().count("is not up") == 2


def test_status_says_what_is_not_well(store: Store) -> None:
    shown, file = console(100)
    gone = Entry("gateway", "healthy", 2**22 + 1, time.time())
    store.write(Record("laptop", 2**22 + 2, time.time(), {}, [gone]))
    assert status(store, shown) == NOT_HEALTHY
    assert "its end was not noticed yet" in file.getvalue()
    assert "nobody supervises these processes" in file.getvalue()


def test_a_full_log_is_rotated_and_few_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "one.log"
    with log.open("ab") as writer:
        for number in range(5):
            writer.write(b"%d" % number * 20)
            writer.flush()
            assert rotate(log, most=10, kept=2)
    assert log.stat().st_size == 0
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        *("one.log", "one.log.1", "one.log.2")
    ]
    assert (tmp_path / "one.log.1").read_bytes() == b"4" * 20
    assert not rotate(log, most=10)
    assert not rotate(tmp_path / "none.log")


def test_ports_are_those_given_or_those_of_before_or_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ports.PortInUse, match=f"port {port} for gateway is in use"):
            ports.choose({"gateway": 8484}, {"gateway": port}, {})
        assert ports.choose({"gateway": port}, {}, {})["gateway"] != port
        assert ports.choose({"gateway": 1}, {}, {"gateway": port}, own={port}) == {"gateway": port}
    chosen = ports.choose({"a": 0, "b": 0}, {"a": 0}, {})
    assert len(set(chosen.values())) == 2


def test_a_laptop_is_planned_from_the_components(tmp_path: Path) -> None:
    names = listeners(Form.LAPTOP, [*COMPONENTS])
    given = {name: 5000 + number for number, name in enumerate(names)}
    planned = plan(Form.LAPTOP, given, laptop(tmp_path, given), [*COMPONENTS])
    assert [one.name for one in planned] == [
        *("prefect-server", "migrations", "deploy", "schedules", "worker-default"),
        *("consumer-orders", "consumer-others", "gateway"),
    ]
    for one in planned:
        assert one.environment["AGENT_FLOWS_DATA"] == str(tmp_path)
        assert (
            one.environment["PREFECT_API_URL"] == f"http://127.0.0.1:{given['prefect-server']}/api"
        )
        assert "environment" not in repr(one)
    worker = next(one for one in planned if one.name == "worker-default")
    assert worker.environment["PREFECT_WORKER_WEBSERVER_PORT"] == str(given["worker-default"])
    assert worker.url(ready=True) == f"http://127.0.0.1:{given['worker-default']}/health"
    assert len({one.digest for one in planned}) == len(planned)
