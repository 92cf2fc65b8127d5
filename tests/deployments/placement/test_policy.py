"""The policy keeps data where they may be, gives an unhealthy cloud nothing, and then takes the cheapest."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployments.placement.policy import Cloud, DataPlace, Health, chosen, cost_of, place

NAMES = ("aws", "gcp", "azure", "alibaba", "own")
AREAS = ("eu", "us", "cn")
# A busy machine may take seconds for what takes milliseconds.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
prices = st.floats(0, 10, allow_nan=False)

clouds_of_any_kind = st.lists(
    st.builds(Cloud, name=st.sampled_from(NAMES), area=st.sampled_from(AREAS), hour=prices),
    unique_by=lambda cloud: cloud.name,
)
data_anywhere = st.builds(
    DataPlace,
    cloud=st.sampled_from(("", *NAMES)),
    areas=st.frozensets(st.sampled_from(AREAS)),
    gigabytes=prices,
    price=prices,
)
any_health = st.dictionaries(st.sampled_from(NAMES), st.builds(Health, is_ready=st.booleans()))


@UNHURRIED
@given(data_anywhere, clouds_of_any_kind, any_health)
def test_the_cheapest_that_is_ready_and_allowed_gets_it_and_none_if_there_is_none(
    data: DataPlace, clouds: list[Cloud], health: dict[str, Health]
) -> None:
    allowed = [
        cloud
        for cloud in clouds
        if (not data.areas or cloud.area in data.areas)
        and cloud.name in health
        and health[cloud.name].is_ready
    ]
    found = chosen(place(data, clouds, health))
    if not allowed:
        assert found is None
        return
    [taken] = [cloud for cloud in allowed if cloud.name == found]
    assert cost_of(data, taken) == min(cost_of(data, cloud) for cloud in allowed)


@UNHURRIED
@given(data_anywhere, clouds_of_any_kind, any_health)
def test_who_goes_away_gets_nothing_and_changes_nothing_among_the_others(
    data: DataPlace, clouds: list[Cloud], health: dict[str, Health]
) -> None:
    before = place(data, clouds, health)
    found = chosen(before)
    if found is None:
        return
    after = place(data, clouds, health | {found: Health(is_ready=False, reason="away")})
    assert chosen(after) != found
    assert [one.cloud for one in after if not one.refused] == [
        one.cloud for one in before if not one.refused and one.cloud != found
    ]


@UNHURRIED
@given(data_anywhere, clouds_of_any_kind, any_health)
def test_every_cloud_gets_a_verdict_and_every_refusal_a_reason(
    data: DataPlace, clouds: list[Cloud], health: dict[str, Health]
) -> None:
    verdicts = place(data, clouds, health)
    assert sorted(one.cloud for one in verdicts) == sorted(cloud.name for cloud in clouds)
    ready = {name for name, one in health.items() if one.is_ready}
    assert {one.cloud for one in verdicts if not one.refused} <= ready


def test_cheap_machines_far_from_the_data_are_dear_if_much_is_moved() -> None:
    near, far = Cloud("aws", "eu", 0.05), Cloud("gcp", "eu", 0.03)
    ready = {"aws": Health(is_ready=True), "gcp": Health(is_ready=True)}
    data = DataPlace("aws", gigabytes=1.0, price=0.09)
    assert chosen(place(data, [far, near], ready)) == "aws"
    assert chosen(place(replace(data, gigabytes=0.1), [far, near], ready)) == "gcp"


def test_a_refusal_for_the_area_says_where_the_data_may_be() -> None:
    [verdict] = place(
        DataPlace(areas=frozenset({"eu"})),
        [Cloud("alibaba", "cn", 0.01)],
        {"alibaba": Health(is_ready=True)},
    )
    assert verdict.refused == "is in cn, and the data may be in eu only"


def test_the_type_of_a_pool_follows_from_how_runs_are_started() -> None:
    aws = Cloud("aws", "eu", 1.0, "ecs")
    assert aws.pool_type("process") == "process"
    assert aws.pool_type("kubernetes") == "kubernetes"
    assert aws.pool_type("containers") == "ecs"
    assert aws.pool_type("push") == "ecs:push"
