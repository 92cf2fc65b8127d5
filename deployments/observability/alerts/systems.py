"""Alerts about what everything runs on: journal, clocks, disk, Prefect, Redis, gateway, metrics."""

from deployments.observability.alert import Alert, Page, UnitTest

CHECK = "uv run python -m deployments.check"
BACKLOG = "uv run python -m flows.operations backlog --scenario orders"
REQUESTS = "agent_flows_http_seconds_count"

ALERTS = (
    Alert(
        word="journal-away",
        severity="page",
        expr="min (agent_flows_journal_up) == 0",
        wait="1m",
        summary="a process cannot read the journal",
        page=Page(
            means="The journal's database does not answer. Nothing new is accepted (the gateway answers 503) "
            "and effects stop when leases end. What was accepted is in the database.",
            look=(BACKLOG,),
            do=(
                "If the command fails too, the database is down: its own log and disk say why.",
                "If it works, the host of the process has lost its way to the database: network, password.",
                "For SQLite, look whether the file was moved; put it back with its -wal file.",
            ),
            over="Each process can read the journal; consumers go on by themselves.",
        ),
        test=UnitTest(fires={"agent_flows_journal_up": "0"}, quiet={"agent_flows_journal_up": "1"}),
    ),
    Alert(
        word="journal-slow",
        severity="ticket",
        expr="agent_flows:commit_seconds:p95 > 1",
        wait="10m",
        summary="one of twenty transactions of the journal takes longer than a second",
        page=Page(
            means="The database is slow to commit: its disk, too many processes on one SQLite file, or long "
            "transactions of others. Leases may be lost if it becomes worse.",
            look=(BACKLOG,),
            do=(
                "Look at the disk of the database, and for other work on it, such as a backup.",
                "More than one host or many processes: use PostgreSQL (`AGENT_FLOWS_JOURNAL_URL`).",
                "`prune` removes the details of items that ended long ago.",
            ),
            over="19 of 20 transactions take less than a second.",
        ),
        test=UnitTest(
            fires={
                'agent_flows_commit_seconds_bucket{le="1.0"}': "0+90x240",
                'agent_flows_commit_seconds_bucket{le="3.0"}': "0+100x240",
                'agent_flows_commit_seconds_bucket{le="+Inf"}': "0+100x240",
            },
            quiet={
                'agent_flows_commit_seconds_bucket{le="1.0"}': "0+99x240",
                'agent_flows_commit_seconds_bucket{le="3.0"}': "0+100x240",
                'agent_flows_commit_seconds_bucket{le="+Inf"}': "0+100x240",
            },
        ),
    ),
    Alert(
        word="clock",
        severity="page",
        expr="max (abs(agent_flows_clock_skew_seconds)) > 5"
        " or sum (increase(agent_flows_clock_set_total[$window])) > 0",
        window="10m",
        wait="0m",
        summary="the clocks of the database and of a host differ by more than 5 seconds, or one was set",
        page=Page(
            means="Leases, waits and deadlines go by the clock of the database. It differs from that of a host, "
            "or it was set while processes ran. They allow for it, but deadlines may be wrong.",
            look=(BACKLOG,),
            do=("Let NTP or chrony set both clocks, and look that it runs.",),
            over="The clocks differ by less than 5 seconds, and none was set for ten minutes.",
        ),
        test=UnitTest(
            fires={"agent_flows_clock_skew_seconds": "-6", "agent_flows_clock_set_total": "0"},
            quiet={"agent_flows_clock_skew_seconds": "4", "agent_flows_clock_set_total": "1"},
        ),
    ),
    Alert(
        word="disk",
        severity="page",
        expr="min (agent_flows_disk_free_ratio) < 0.1",
        wait="10m",
        summary="less than a tenth of the disk of a data folder is free",
        page=Page(
            means="The disk of the data folder is nearly full. When it is, SQLite cannot commit and nothing "
            "goes on; logs and reports are not written.",
            look=("uv run python -m flows.operations prune",),
            do=(
                "The command above deletes the details of items that ended 90 days ago.",
                "Delete old reports and logs, or give the disk more room.",
            ),
            over="More than a tenth is free.",
        ),
        test=UnitTest(
            fires={"agent_flows_disk_free_ratio": "0.09"},
            quiet={"agent_flows_disk_free_ratio": "0.11"},
        ),
    ),
    Alert(
        word="prefect-away",
        severity="page",
        expr='min (agent_flows_system_up{system="prefect"}) == 0',
        wait="2m",
        summary="Prefect's API does not answer",
        page=Page(
            means="Runs that work go on, and each process limits its calls by itself. No schedule starts "
            "anything: `recover` does not run. Alerts of the product are only in the log.",
            look=("uv run python -m flows.operations recover", CHECK),
            do=(
                "Look at the log of the server, and whether its database lives.",
                "Start it again. While it is away, run `recover` by hand, as above.",
            ),
            over="The API answers at `/health`, and `recover` runs each minute again.",
        ),
        test=UnitTest(
            fires={'agent_flows_system_up{system="prefect"}': "0"},
            quiet={
                'agent_flows_system_up{system="prefect"}': "1",
                'agent_flows_system_up{system="redis"}': "0",
            },
        ),
    ),
    Alert(
        word="redis-away",
        severity="ticket",
        expr='min (agent_flows_system_up{system="redis"}) == 0',
        wait="2m",
        summary="Redis does not answer",
        page=Page(
            means="Redis carries only what may be lost: consumers poll the journal instead, messages between "
            "agents wait in the journal, limits of callers are each gateway's own.",
            look=(BACKLOG,),
            do=("Look at the log and the memory of Redis, and start it again.",),
            over="Redis answers; waiting messages arrive.",
        ),
        test=UnitTest(
            fires={'agent_flows_system_up{system="redis"}': "0"},
            quiet={
                'agent_flows_system_up{system="redis"}': "1",
                'agent_flows_system_up{system="prefect"}': "0",
            },
        ),
    ),
    Alert(
        word="gateway-errors",
        severity="page",
        expr=f'sum (rate({REQUESTS}{{status="5xx"}}[$window])) > 0.05 * agent_flows:http_requests:rate5m',
        summary="more than one of twenty requests to the gateway is answered with 5xx",
        page=Page(
            means="Callers get errors that are not theirs. With an Idempotency-Key they can repeat them.",
            look=(BACKLOG,),
            do=(
                "If the journal is away, see the page journal-away: that is nearly always the cause.",
                "Else the log of the gateway has the stack trace: restart it, and report the fault.",
            ),
            over="Fewer than one of twenty requests is answered with 5xx.",
        ),
        test=UnitTest(
            fires={
                f'{REQUESTS}{{route="/orders",method="POST",status="5xx"}}': "0+6x240",
                f'{REQUESTS}{{route="/orders",method="POST",status="2xx"}}': "0+94x240",
            },
            quiet={
                f'{REQUESTS}{{route="/orders",method="POST",status="5xx"}}': "0+4x240",
                f'{REQUESTS}{{route="/orders",method="POST",status="2xx"}}': "0+96x240",
            },
        ),
    ),
    Alert(
        word="gateway-refusing",
        severity="ticket",
        expr=f'sum (rate({REQUESTS}{{status="429"}}[$window])) > 0.2 * agent_flows:http_requests:rate5m',
        wait="10m",
        summary="more than one of five requests to the gateway is refused with 429",
        page=Page(
            means="Callers send more than their rate, or a queue is full. Nothing is lost: they were told to "
            "come later.",
            look=(BACKLOG,),
            do=(
                "If a queue is full, see the page backlog.",
                "Else ask the caller; raise `AGENT_FLOWS_GATEWAY_TENANT_RATE` if its load is wanted.",
            ),
            over="Fewer than one of five requests is refused.",
        ),
        test=UnitTest(
            fires={
                f'{REQUESTS}{{route="/orders",method="POST",status="429"}}': "0+21x240",
                f'{REQUESTS}{{route="/orders",method="POST",status="2xx"}}': "0+79x240",
            },
            quiet={
                f'{REQUESTS}{{route="/orders",method="POST",status="429"}}': "0+19x240",
                f'{REQUESTS}{{route="/orders",method="POST",status="2xx"}}': "0+81x240",
            },
        ),
    ),
    Alert(
        word="unmonitored",
        severity="page",
        expr="absent(agent_flows_leases)",
        summary="no process says what stands in the journal: all alerts about it are blind",
        page=Page(
            means="No process of this installation exports metrics, or Prometheus finds none. Queues, dead "
            "letters and messages may be in any state.",
            look=(BACKLOG, CHECK),
            do=(
                "Look whether any process runs with `AGENT_FLOWS_METRICS_PORT`.",
                "Look at the targets of Prometheus: its `file_sd_configs` must name the data folder.",
                "A gateway or `serve` that always runs keeps this alert quiet.",
            ),
            over="`agent_flows_leases` has values.",
        ),
        test=UnitTest(
            fires={"agent_flows_clock_skew_seconds": "0"},
            quiet={'agent_flows_leases{state="alive"}': "0"},
        ),
    ),
)
