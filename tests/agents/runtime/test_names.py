"""A name of ours begins with the installation that gave it; no other name seems to."""

import hashlib

import pytest

from agents.runtime.names import installation_of
from tests.agents.runtime.jobs import HERE


@pytest.mark.parametrize(
    "name, installation",
    [
        (f"{HERE}:default:one", HERE),
        ("default:orders:one:make:0", ""),
        (hashlib.sha256(b"an earlier release").hexdigest(), ""),
        (HERE, ""),
        ("0123456789ABCDEF:one", ""),
        ("", ""),
    ],
)
def test_the_installation_of_a_name(name: str, installation: str) -> None:
    assert installation_of(name) == installation
