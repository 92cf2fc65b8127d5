"""`python -m deployments.placement`: where consumers of a scenario go, and why."""

from deployments.placement.placing import place_consumers
from flows.cli.commands import command

if __name__ == "__main__":
    command(place_consumers)
