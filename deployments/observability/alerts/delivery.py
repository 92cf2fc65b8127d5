"""Alerts about what is not delivered: messages, webhooks, and messages between agents."""

from deployments.observability.alert import Alert, Page, UnitTest

MESSAGES = "uv run python -m flows.operations messages --scenario orders"

ALERTS = (
    Alert(
        word="undelivered",
        severity="ticket",
        expr='max by (status) (agent_flows_messages{status=~"unknown|failed|dead_lettered"}) > 0',
        summary="messages to customers are {{ $labels.status }}",
        page=Page(
            means="Messages to customers were refused for good (failed), could not be sent for a day "
            "(dead_lettered), or may have been sent before a process died (unknown). None is repeated by "
            "itself; the orders are not affected.",
            look=(MESSAGES,),
            do=(
                "Read the server's words in the table. Correct the address, or the mail server.",
                "`resend` the item's messages; one that is unknown may arrive twice then.",
            ),
            over="`messages` lists none of this status.",
        ),
        test=UnitTest(
            fires={'agent_flows_messages{status="unknown"}': "1"},
            quiet={
                'agent_flows_messages{status="unknown"}': "0",
                'agent_flows_messages{status="waiting"}': "5",
            },
            labels={"status": "unknown"},
        ),
    ),
    Alert(
        word="unsent",
        severity="page",
        expr='max (agent_flows_messages_oldest_seconds{status="waiting"}) > $limit',
        limit=3_600.0,
        summary="messages to customers could not be sent for more than an hour",
        page=Page(
            means="Messages wait since the mail server does not take them: it is down, or refuses for now. "
            "They are tried again for a day, then they are dead letters.",
            look=(MESSAGES, "uv run python -m flows.operations recover"),
            do=(
                "Read the reason in the table; look whether the mail server of `AGENT_FLOWS_MAIL` lives.",
                "If it does, `recover` sends them: its schedule must be on.",
            ),
            over="`messages` lists none that waits.",
        ),
        test=UnitTest(
            fires={'agent_flows_messages_oldest_seconds{status="waiting"}': "3601"},
            quiet={
                'agent_flows_messages_oldest_seconds{status="waiting"}': "3599",
                'agent_flows_messages_oldest_seconds{status="failed"}': "9999",
            },
        ),
    ),
    Alert(
        word="dead-message",
        severity="ticket",
        expr="max (agent_flows_dead_messages) > 0",
        summary="a group of agents could not handle messages",
        page=Page(
            means="Messages between agents were delivered several times and not handled.",
            look=("uv run python -m flows.operations dead-messages",),
            do=(
                "Read the error, remove the cause, then `redeliver-message`.",
                "If nobody serves the group any more, `remove-group`.",
            ),
            over="`dead-messages` lists none.",
        ),
        test=UnitTest(
            fires={"agent_flows_dead_messages": "1"}, quiet={"agent_flows_dead_messages": "0"}
        ),
    ),
    Alert(
        word="webhook.disabled",
        severity="ticket",
        expr="max (agent_flows_webhook_endpoints_disabled) > 0",
        summary="a webhook endpoint is disabled",
        page=Page(
            means="Nothing arrived at an endpoint for a day, or it answered 410 Gone, or somebody disabled it. "
            "It gets no more events; those that had not arrived are dead letters.",
            look=("uv run python -m flows.operations send-webhooks --for-seconds 0",),
            do=(
                (
                    "Tell its owner. `/webhook-endpoints` of the gateway says why, `…/deliveries` what it "
                    "answered."
                ),
                "When it is well again, `…/enable` and `…/redeliver`; if it is given up, delete it.",
            ),
            over="No endpoint is disabled: it is enabled or deleted.",
        ),
        test=UnitTest(
            fires={"agent_flows_webhook_endpoints_disabled": "1"},
            quiet={"agent_flows_webhook_endpoints_disabled": "0"},
        ),
    ),
    Alert(
        word="webhook.late",
        severity="ticket",
        expr="max (agent_flows_webhook_late_seconds) > $limit",
        limit=600.0,
        summary="a webhook event is due for ten minutes and nobody sends it",
        page=Page(
            means="Events are due and not sent: no gateway and no `send-webhooks` runs.",
            look=("uv run python -m flows.operations send-webhooks --for-seconds 0",),
            do=(
                "The command above sends what is due.",
                "Start a gateway, or switch on the deployment `send-webhooks`.",
            ),
            over="No event is due for longer than a minute.",
        ),
        test=UnitTest(
            fires={"agent_flows_webhook_late_seconds": "601"},
            quiet={"agent_flows_webhook_late_seconds": "599"},
        ),
    ),
)
