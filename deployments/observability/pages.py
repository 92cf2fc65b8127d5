"""The pages of the runbook, as Markdown: one for each alert, and their list."""

import textwrap
from functools import partial

from deployments.observability.alert import Alert
from deployments.observability.alerts import ALERTS

MADE = (
    "<!-- Made by `python -m deployments.observability --write` from alerts/; do not edit it. -->\n"
)
SEVERITIES = {"page": "now, also at night", "ticket": "on a working day"}
WIDTH = 118


def page(alert: Alert) -> str:
    """The page of an alert."""
    waits = f", for {alert.wait}" if alert.wait != "0m" else ""
    parts = [
        f"{MADE}# {alert.name}",
        f"Act {SEVERITIES[alert.severity]}. It fires when this holds{waits}:",
        f"```text\n{_wrapped(alert.expression())}\n```",
        f"## What it means\n\n{_wrapped(alert.page.means)}",
        "## First look\n\n```bash\n" + "\n".join(alert.page.look) + "\n```",
        "## What to do\n\n" + "\n".join(_point(one) for one in alert.page.do),
        f"## It is over when\n\n{_wrapped(alert.page.over)}",
    ]
    return "\n\n".join(parts) + "\n"


def contents() -> str:
    """The list of all pages."""
    rows = [f"| [{one.name}]({one.word}.md) | {one.severity} | {one.summary} |" for one in ALERTS]
    head = ["| alert | severity | it says |", "| --- | --- | --- |"]
    intro = (
        "One page an alert. The commands concern `orders`: put the queue of the alert there. `page` means "
        "now, `ticket` on a working day. Where the product itself tells people by an event, the event has "
        "the same name."
    )
    return "\n\n".join([f"{MADE}# Runbook", _wrapped(intro), "\n".join(head + rows)]) + "\n"


def _point(text: str) -> str:
    return _wrapped(text, initial_indent="- ", subsequent_indent="  ")


_wrapped = partial(textwrap.fill, width=WIDTH, break_long_words=False, break_on_hyphens=False)
