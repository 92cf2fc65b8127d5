"""Alerts about resources, budgets and forecasts."""

from deployments.observability.alert import Alert, Page, UnitTest

RESOURCES = "uv run python -m flows.operations resources"

ALERTS = (
    Alert(
        word="budget",
        severity="ticket",
        expr="max by (resource, tenant) (agent_flows_budget_used_ratio) >= 1",
        wait="0m",
        summary="the budget of {{ $labels.resource }} is used up (tenant: {{ $labels.tenant }})",
        page=Page(
            means="What a tenant, or all (no tenant), may spend in the window is spent. Items wait, ask a "
            "person or are refused, as the budget says.",
            look=(RESOURCES,),
            do=(
                "Ask whether the spending is wanted; `agents` shows which agent runs often.",
                "Raise the budget: `resources --set`, or let it refill with its window.",
                "Decide the items that ask: `waiting`.",
            ),
            over="Less than the budget is used in its window.",
        ),
        test=UnitTest(
            fires={'agent_flows_budget_used_ratio{resource="model_cost",tenant="shop-a"}': "1"},
            quiet={'agent_flows_budget_used_ratio{resource="model_cost",tenant="shop-a"}': "0.99"},
            labels={"resource": "model_cost", "tenant": "shop-a"},
        ),
    ),
    Alert(
        word="starved",
        severity="ticket",
        expr="max by (resource, tenant) (agent_flows_resource_oldest_seconds) > $limit",
        limit=1_800.0,
        summary="a step waits for {{ $labels.resource }} for more than half an hour",
        page=Page(
            means="The first step in line has not got its resource for half an hour: the capacity is too "
            "small for what comes, or a step holds it for very long.",
            look=(RESOURCES,),
            do=(
                "The table says who waits and what is in use. If the capacity can be higher, set it.",
                "If nothing is in use, the step needs more than there is: `show` its item, then `cancel` it.",
            ),
            over="The first in line waits for less than half an hour.",
        ),
        test=UnitTest(
            fires={'agent_flows_resource_oldest_seconds{resource="cpu",tenant=""}': "1801"},
            quiet={'agent_flows_resource_oldest_seconds{resource="cpu",tenant=""}': "1799"},
            labels={"resource": "cpu"},
        ),
    ),
    Alert(
        word="unskilled",
        severity="ticket",
        expr="max by (queue) (agent_flows_forecast_concordance_ratio) < 0.55",
        wait="1h",
        summary="forecasts of {{ $labels.queue }} put items in an order that is hardly better than chance",
        page=Page(
            means="Forecasts of durations do not order this queue any more (it is first in, first out until "
            "they are better), and times to drain are rough.",
            look=(
                "uv run python -m flows.operations forecasts",
                "uv run python -m flows.operations retrain-forecasts",
            ),
            do=(
                "`retrain-forecasts`, as above, promotes a model that is better; its schedule is nightly.",
                "If the newest model is the cause, `roll-back-forecasts`.",
                "If all items take equally long, no forecast can be better: silence the alert for this queue.",
            ),
            over="The share of pairs in the right order is above 0.6.",
        ),
        test=UnitTest(
            fires={'agent_flows_forecast_concordance_ratio{queue="orders"}': "0.54"},
            quiet={'agent_flows_forecast_concordance_ratio{queue="orders"}': "0.56"},
            labels={"queue": "orders"},
        ),
    ),
)
