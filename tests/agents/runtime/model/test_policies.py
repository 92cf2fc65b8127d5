"""The named policies and what they allow each kind of agent."""

from agents.runtime.model.policies import EFFECT, MODEL, PURE, READ


def test_only_the_effect_policy_has_effects_and_only_the_pure_one_is_cached() -> None:
    assert [policy.effect for policy in (PURE, READ, MODEL, EFFECT)] == [False, False, False, True]
    assert [policy.cached for policy in (PURE, READ, MODEL, EFFECT)] == [True, False, False, False]


def test_a_limit_changes_nothing_else() -> None:
    limited = EFFECT.limited_by("carriers")
    assert limited.limit == "carriers"
    assert limited.limited_by(None) == EFFECT  # type: ignore[arg-type]
    assert EFFECT.limit is None


def test_calls_to_outside_systems_have_more_than_one_attempt() -> None:
    assert PURE.attempts == 1
    assert min(READ.attempts, MODEL.attempts, EFFECT.attempts) > 1
