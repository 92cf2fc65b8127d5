"""Policies are values: what they say of each kind of agent."""

from agents.runtime.model.policies import EFFECT, MODEL, PURE, READ


def test_only_effects_change_the_world_and_only_pure_ones_are_cached() -> None:
    assert [policy.effect for policy in (PURE, READ, MODEL, EFFECT)] == [False, False, False, True]
    assert [policy.cached for policy in (PURE, READ, MODEL, EFFECT)] == [True, False, False, False]


def test_a_limit_changes_nothing_else() -> None:
    limited = EFFECT.limited_by("carriers")
    assert limited.limit == "carriers"
    assert limited.limited_by(None) == EFFECT  # type: ignore[arg-type]
    assert EFFECT.limit is None


def test_whatever_goes_out_is_tried_more_than_once() -> None:
    assert PURE.attempts == 1
    assert min(READ.attempts, MODEL.attempts, EFFECT.attempts) > 1
