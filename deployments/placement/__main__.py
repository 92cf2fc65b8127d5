"""`python -m deployments.placement`: where the consumers of each queue go, and why."""

from deployments.placement.placing import place_consumers
from flows.cli.commands import command

if __name__ == "__main__":
    command(place_consumers)
