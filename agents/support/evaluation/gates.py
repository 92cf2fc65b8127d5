"""Gates: the figures that a release must reach. A figure that was not measured passes."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

GATES = Path(__file__).parent / "gates.yaml"


def broken(figures: Mapping[str, float]) -> Iterator[str]:
    """A sentence for every gate that the figures do not pass."""
    gates = yaml.safe_load(GATES.read_text("utf-8"))
    for name, least in gates["at_least"].items():
        if name in figures and figures[name] < least:
            yield f"{name} is {figures[name]:.3f}, at least {least} is required"
    for name, most in gates["at_most"].items():
        if name in figures and figures[name] > most:
            yield f"{name} is {figures[name]:.3f}, at most {most} is required"
    for name, others in gates["more_than"].items():
        for other in others:
            if name in figures and other in figures and figures[name] <= figures[other]:
                yield f"{name} is {figures[name]:.3f}, no more than {other} with {figures[other]:.3f}"
