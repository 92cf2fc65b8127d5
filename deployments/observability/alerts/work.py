"""Alerts about items and agents: dead letters, people who are asked, calls that fail, lost leases."""

from deployments.observability.alert import Alert, Page, UnitTest

LETTERS = "uv run python -m flows.operations dead-letters --scenario orders"
AGENTS = "uv run python -m flows.operations agents --scenario orders"
RECOVER = "uv run python -m flows.operations recover"
WAITING = "uv run python -m flows.operations waiting --scenario orders"
ORDERS = {"queue": "orders"}

ALERTS = (
    Alert(
        word="dead-letter",
        severity="ticket",
        expr="max by (queue) (agent_flows_dead_letters)"
        " > (max by (queue) (agent_flows_dead_letters offset $window)"
        " or 0 * max by (queue) (agent_flows_dead_letters))",
        wait="0m",
        window="15m",
        summary="{{ $labels.queue }} has more dead letters than a quarter of an hour ago",
        page=Page(
            means="Items could not be finished: an error that nobody expected, or an outage that lasted longer "
            "than all attempts. What was done for them, such as a payment, stays as it is.",
            look=(LETTERS,),
            do=(
                "Read the error. Many of one agent with the same error are an outage: wait for its end.",
                "Remove the cause; `mend` an item whose body is at fault.",
                "`replay` them: what was done is not done again.",
            ),
            over="The number of dead letters grows no more; after `replay` it is 0.",
        ),
        test=UnitTest(
            fires={'agent_flows_dead_letters{queue="orders"}': "0x10 3x200"},
            quiet={'agent_flows_dead_letters{queue="orders"}': "3x240"},
            labels=ORDERS,
        ),
    ),
    Alert(
        word="dead-letter.old",
        severity="ticket",
        expr="max by (queue) (agent_flows_dead_letters_oldest_seconds) > $limit",
        limit=86_400.0,
        wait="15m",
        summary="a dead letter of {{ $labels.queue }} is older than a day",
        page=Page(
            means="A dead letter was left alone for a day. Money may be held for it, and a customer waits.",
            look=(LETTERS,),
            do=(
                "`replay` it, or `mend` it first.",
                "`discard` it if nothing is to be done any more; it asks first where money is paid or held.",
            ),
            over="`dead-letters` lists none that is older than a day.",
        ),
        test=UnitTest(
            fires={'agent_flows_dead_letters_oldest_seconds{queue="orders"}': "86401"},
            quiet={'agent_flows_dead_letters_oldest_seconds{queue="orders"}': "86399"},
            labels=ORDERS,
        ),
    ),
    Alert(
        word="escalated",
        severity="ticket",
        expr="max by (queue) (agent_flows_items_asking_oldest_seconds) > $limit",
        limit=86_400.0,
        wait="15m",
        summary="an item of {{ $labels.queue }} has waited for a person for more than a day",
        page=Page(
            means="An item asks a person, and nobody has decided for a day. After two more days `recover` "
            "rejects it.",
            look=(WAITING,),
            do=("Decide: `approve` or `reject`, with your name and the reason.",),
            over="`waiting` lists no item that is older than a day.",
        ),
        test=UnitTest(
            fires={'agent_flows_items_asking_oldest_seconds{queue="orders"}': "86401"},
            quiet={'agent_flows_items_asking_oldest_seconds{queue="orders"}': "86399"},
            labels=ORDERS,
        ),
    ),
    Alert(
        word="agent-errors",
        severity="page",
        expr="agent_flows:agent_errors:ratio5m > 0.25 and agent_flows:agent_calls:rate5m > 0.02",
        wait="10m",
        summary="more than a quarter of the attempts of {{ $labels.agent }} fail",
        page=Page(
            means="An agent fails otherwise than by its decision in more than one of four attempts: what it "
            "calls is down, slow or refuses. Items are tried again, then they become dead letters.",
            look=(AGENTS, LETTERS),
            do=(
                "`agents` has its time-outs and durations, `dead-letters` the errors.",
                "Look whether the outside system has an outage. If so, `pause-queue` keeps items out of it.",
                "If the errors began with a new version, `roll-back`.",
                "Afterwards `resume-queue`, and `replay` the dead letters.",
            ),
            over="Fewer than a quarter of the attempts fail, and no new dead letters come.",
        ),
        test=UnitTest(
            fires={
                'agent_flows_agent_errors_total{agent="pay",version="1.0",kind="timeout"}': "0+30x240",
                'agent_flows_agent_seconds_count{agent="pay",version="1.0"}': "0+100x240",
            },
            quiet={
                'agent_flows_agent_errors_total{agent="pay",version="1.0",kind="timeout"}': "0+20x240",
                'agent_flows_agent_seconds_count{agent="pay",version="1.0"}': "0+100x240",
            },
            labels={"agent": "pay", "version": "1.0"},
        ),
    ),
    Alert(
        word="lease",
        severity="ticket",
        expr="sum (increase(agent_flows_items_fenced_total[$window])) > 0"
        " or sum (increase(agent_flows_leases_lost_total[$window])) > 0",
        window="10m",
        wait="0m",
        summary="a process lost its lease, or others took items over that it still worked on",
        page=Page(
            means="A process worked on items for longer than its lease: it hung, its host paused it, or it "
            "could not reach the journal. Its outcomes were refused and others did the work, so nothing "
            "happened twice. If it goes on, the work is done slowly.",
            look=(RECOVER, AGENTS),
            do=(
                "Look which host: the log line 'another process has taken the item over' is its own.",
                (
                    "If hosts are overloaded or paused, give them more processor time, or raise "
                    "`AGENT_FLOWS_LEASE_SECONDS`."
                ),
                "If the journal was slow at that time, see the page journal-slow.",
            ),
            over="No lease has been lost for ten minutes.",
        ),
        test=UnitTest(
            fires={
                'agent_flows_leases_lost_total{reason="expired"}': "0x12 2x200",
            },
            quiet={
                "agent_flows_items_fenced_total": "2",
                'agent_flows_leases_lost_total{reason="expired"}': "1",
            },
        ),
    ),
    Alert(
        word="orphaned",
        severity="page",
        expr="max (agent_flows_items_orphaned) > 0",
        wait="3m",
        summary="items are held by processes that are dead, and nobody takes them over",
        page=Page(
            means="A process died with items in work, and for three minutes no other has taken them over: "
            "no consumer of their queue runs, and `recover` does not run each minute.",
            look=(RECOVER,),
            do=(
                "`recover`, as above, finishes them at once.",
                "Switch on the schedule of the deployment `recover`, or start a consumer.",
            ),
            over="`recover` finds nothing to finish.",
        ),
        test=UnitTest(
            fires={"agent_flows_items_orphaned": "2"},
            quiet={"agent_flows_items_orphaned": "0"},
        ),
    ),
)
