"""Limits that cannot be kept are refused."""

from dataclasses import fields, replace

import pytest

from agents.services.files.limits import DEFAULTS, Limits


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
def test_each_limit_must_be_positive(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        replace(DEFAULTS, **{name: 0})


def test_depth_stays_where_recursion_is_safe() -> None:
    with pytest.raises(ValueError, match="depth"):
        Limits(depth=201)
    assert Limits(depth=200).depth == 200
