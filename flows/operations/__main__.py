"""`python -m flows.operations`: every operation as a command. Each is a flow, for the UI and schedules too."""

from flows.cli.commands import commands
from flows.operations.actions import cancel, decide, discard, edit, mend, replay, restart
from flows.operations.items import dead_letters, show_item, waiting_items
from flows.operations.messages import dead_messages, redeliver_message, remove_group
from flows.operations.pruning import prune
from flows.operations.queues import backlog, limit_rate, move, pause_queue, resume_queue
from flows.operations.reconciliation import reconcile
from flows.operations.recovery import recover
from flows.operations.shortages import shortages

if __name__ == "__main__":
    commands(
        "flows.operations",
        *(recover, dead_letters, waiting_items, show_item),
        *(decide, edit, cancel, mend, replay, restart, discard),
        *(backlog, pause_queue, resume_queue, limit_rate, move),
        *(dead_messages, redeliver_message, remove_group),
        *(reconcile, shortages, prune),
    )
