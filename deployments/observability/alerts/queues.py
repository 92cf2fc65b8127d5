"""Alerts about queues, their consumers and the versions of these."""

from deployments.observability.alert import Alert, Page, UnitTest

BACKLOG = "uv run python -m flows.operations backlog --scenario orders"
SCALE = "uv run python -m flows.operations scale --scenario orders"
VERSIONS = "uv run python -m flows.operations versions --scenario orders"
ORDERS = {"queue": "orders"}

ALERTS = (
    Alert(
        word="backlog",
        severity="page",
        expr="agent_flows:queue_oldest_seconds > $limit",
        limit=900.0,
        summary="the oldest item of {{ $labels.queue }} has waited for more than 15 minutes",
        page=Page(
            means="An item that is due waits in its queue for more than 15 minutes. Nothing is lost: it is "
            "in the journal. Either consumers are too few, too slow or none, or the queue is paused.",
            look=(BACKLOG, SCALE),
            do=(
                "If the table says that the queue is paused, ask who paused it, then `resume-queue`.",
                "If no consumer runs, start one: see the page no-consumer.",
                (
                    "If consumers run, add some (`serve --most`, or the bounds with `scale`), and look at "
                    "`agents` for the agent that has become slow."
                ),
                "If one tenant fills the queue, limit it: `limit-rate --tenant`.",
            ),
            over="The oldest item is younger than 15 minutes, and the time to drain falls.",
        ),
        test=UnitTest(
            fires={
                'agent_flows_queue_oldest_seconds{queue="orders",tenant="a",priority="low"}': "901"
            },
            quiet={
                'agent_flows_queue_oldest_seconds{queue="orders",tenant="a",priority="low"}': "899"
            },
            labels=ORDERS,
        ),
    ),
    Alert(
        word="behind",
        severity="ticket",
        expr="3 * max by (queue) (agent_flows_queue_drain_target_seconds)"
        " < (max by (queue) (agent_flows_queue_drain_seconds) < +Inf)",
        wait="15m",
        summary="{{ $labels.queue }} needs more than three times its target to be drained",
        page=Page(
            means="Consumers work, but what waits takes more than three times the time in which this queue "
            "should be drained, for 15 minutes: the autoscaler is at its bound, or does not run.",
            look=(SCALE, BACKLOG),
            do=(
                (
                    "Compare the consumers that exist with those wanted. If fewer exist, the autoscaler or "
                    "`serve` is at fault: look at its log."
                ),
                "If as many exist as the bound allows, raise it: `scale --most`.",
                "If a rate limit or a resource holds items back, `resources` names it.",
            ),
            over="The time to drain is below three times the target.",
        ),
        test=UnitTest(
            fires={
                'agent_flows_queue_drain_seconds{queue="orders"}': "181",
                'agent_flows_queue_drain_target_seconds{queue="orders"}': "60",
            },
            quiet={
                'agent_flows_queue_drain_seconds{queue="orders"}': "179",
                'agent_flows_queue_drain_target_seconds{queue="orders"}': "60",
            },
            labels=ORDERS,
        ),
    ),
    Alert(
        word="no-consumer",
        severity="page",
        expr="(agent_flows:queue_waiting > 0) unless on (queue) (agent_flows:queue_workers > 0)"
        " unless on (queue) (max by (queue) (agent_flows_queue_paused) == 1)",
        summary="items of {{ $labels.queue }} wait and no consumer of that queue lives",
        page=Page(
            means="Items wait in a queue that nobody serves. They are kept and nothing is done with them.",
            look=(BACKLOG, VERSIONS),
            do=(
                "Start a consumer: `uv run python -m flows.operations.serving --scenario` and the queue.",
                (
                    "If consumers end as soon as they start, the last lines of `agent-flows.log` in the data "
                    "folder say why, such as an extra that is not installed."
                ),
                "On a cluster, look whether the Deployment of the consumer has replicas.",
            ),
            over="`versions` counts a living process for the version, and the number that wait falls.",
        ),
        test=UnitTest(
            fires={
                'agent_flows_queue_waiting{queue="orders",tenant="a",priority="low"}': "1",
                'agent_flows_version_workers{queue="orders",version="1"}': "0",
            },
            quiet={
                'agent_flows_queue_waiting{queue="orders",tenant="a",priority="low"}': "1",
                'agent_flows_version_workers{queue="orders",version="1"}': "1",
                'agent_flows_queue_waiting{queue="turns",tenant="a",priority="low"}': "1",
                'agent_flows_queue_paused{queue="turns"}': "1",
            },
            labels=ORDERS,
        ),
    ),
    Alert(
        word="version-missing",
        severity="page",
        expr="(max by (queue, version) (agent_flows_version_unfinished) > 0)"
        " unless on (queue, version) (max by (queue, version) (agent_flows_version_workers) > 0)"
        " and on (queue) (agent_flows:queue_workers > 0)",
        summary="{{ $labels.queue }} has items of version {{ $labels.version }}, which no process has",
        page=Page(
            means="Unfinished items or dead letters belong to a version of the agents that no living consumer "
            "has, while others of that queue run. They stay as they are until a process has that version.",
            look=(VERSIONS,),
            do=(
                "If its code was removed too early, deploy a consumer of the release that has it.",
                "If only dead letters are left, `replay` or `discard` them; then the version is drained.",
            ),
            over="`versions` counts a living process for it, or says that it is drained.",
        ),
        test=UnitTest(
            fires={
                'agent_flows_version_unfinished{queue="orders",version="1"}': "3",
                'agent_flows_version_workers{queue="orders",version="1"}': "0",
                'agent_flows_version_workers{queue="orders",version="2"}': "1",
            },
            quiet={
                'agent_flows_version_unfinished{queue="orders",version="1"}': "3",
                'agent_flows_version_workers{queue="orders",version="1"}': "1",
                'agent_flows_version_unfinished{queue="orders",version="2"}': "0",
                'agent_flows_version_workers{queue="orders",version="2"}': "0",
            },
            labels=ORDERS | {"version": "1"},
        ),
    ),
    Alert(
        word="drained",
        severity="ticket",
        expr="max by (queue, version) (agent_flows_version_drained) == 1",
        wait="15m",
        summary="no item of {{ $labels.queue }} needs version {{ $labels.version }}, and consumers have it",
        page=Page(
            means="A version was replaced and its last item has ended. Consumers that have it cost money for "
            "nothing, and its code can be removed.",
            look=(VERSIONS,),
            do=(
                "Remove the Deployment or the process of that version.",
                "Remove the version from `others` of the scenario in the next release.",
            ),
            over="No living consumer has the version.",
        ),
        test=UnitTest(
            fires={'agent_flows_version_drained{queue="orders",version="1"}': "1"},
            quiet={'agent_flows_version_drained{queue="orders",version="1"}': "0"},
            labels=ORDERS | {"version": "1"},
        ),
    ),
)
