"""Which orders are taken, and what is said about the others: field, rule and limit."""

import contextlib
import json
import pickle
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.orders.models import Order
from agents.orders.validate import INT64, InvalidOrder, check_order
from agents.workflow.records import MOST_PROBLEMS, Problem, canonical, integer_fields
from tests.agents.orders.order_faults import BODY, FAULTS, GONE, body, lines

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


def check(changed: Mapping[str, object]) -> Order:
    return check_order(changed, clock=lambda: NOW)


def problems(changed: Mapping[str, object]) -> tuple[Problem, ...]:
    with pytest.raises(InvalidOrder) as caught:
        check(changed)
    return caught.value.problems


def test_a_good_order_is_taken_with_defaults_and_in_utc() -> None:
    order = check(BODY)
    assert order.placed_at == datetime(2026, 1, 15, 8, 30, tzinfo=UTC)
    assert order.placed_at.tzinfo is UTC
    assert (order.address.line2, order.address.state) == ("", "")
    assert [line.sku for line in order.lines] == ["A-1", "B-1"]


@pytest.mark.parametrize(
    "field,value,rule,limit", FAULTS, ids=[f"{f}-{r}-{n}" for n, (f, _, r, _) in enumerate(FAULTS)]
)
def test_a_fault_is_named_by_field_rule_and_limit(
    field: str, value: object, rule: str, limit: str | int | None
) -> None:
    (problem,) = problems(body({field: value}))
    assert (problem.field, problem.rule) == (field, rule)
    assert problem.message
    if field != "customer.email" or rule != "pattern":
        assert problem.limit == limit


@pytest.mark.parametrize(
    "field,value",
    [
        ("customer.name", "\u7530\u4e2d\u592a\u90ce"),
        ("customer.name", "Zo\u00eb O'Brien-\u0141ukasz"),
        ("customer.name", "'; DROP TABLE orders; --"),
        ("customer.name", "{{7*7}} ${x} <b>"),
        ("address.city", "\u0627\u0644\u0642\u0627\u0647\u0631\u0629"),
        ("address.line1", "\U0001f3e0 1"),
        ("address.line2", ""),
        ("customer.name", "x" * 200),
        ("order_id", "x" * 64),
        ("order_id", "#W2611340"),
        ("placed_at", None),
        ("placed_at", GONE),
        ("placed_at", "2000-01-01T00:00:00Z"),
        ("placed_at", "2026-01-16T12:00:00Z"),
        ("placed_at", "2026-01-15T09:30Z"),
        ("placed_at", "2026-01-15T09:30:00.123456-11:30"),
    ],
)
def test_what_is_unusual_but_right_is_taken(field: str, value: object) -> None:
    check(body({field: value}))


@pytest.mark.parametrize("thing", [None, [], "order", 7, [BODY]])
def test_what_is_no_object_is_no_order(thing: Mapping[str, object]) -> None:
    assert [(p.field, p.rule) for p in problems(thing)] == [("", "type")]


@pytest.mark.parametrize(
    "currency,most", [("USD", 100_000_000), ("JPY", 1_000_000), ("KWD", 1_000_000_000)]
)
def test_an_order_is_worth_at_most_a_million_units_of_its_currency(
    currency: str, most: int
) -> None:
    def costing(total: int) -> dict[str, object]:
        line = {"sku": "A", "name": "Yacht", "quantity": 1, "unit_price": total}
        return body({"currency": currency, "lines": [line], "total": total})

    assert check(costing(most)).total == most
    (problem,) = problems(costing(most + 1))
    assert (problem.field, problem.rule, problem.limit) == ("total", "out-of-range", most)


def test_a_sum_beyond_64_bits_is_refused_and_not_repeated() -> None:
    dear = [{**line, "quantity": 10_000, "unit_price": 10**12} for line in lines(1_000)]
    (problem,) = problems(body({"lines": dear}))
    assert (problem.field, problem.rule, problem.limit) == ("lines", "out-of-range", INT64)


def test_every_problem_is_named_at_once_up_to_fifty() -> None:
    found = problems(body({"total": "1", "currency": "usd", "order_id": ""}))
    assert {p.field for p in found} == {"total", "currency", "order_id"}
    assert len(problems(body({f"x{n}": 1 for n in range(1_000)}))) == MOST_PROBLEMS


def test_what_was_sent_is_never_repeated() -> None:
    secret = "4242424242424242"
    with pytest.raises(InvalidOrder) as caught:
        check(
            body({"payment_method": f"{secret}\u0405", "total": secret, "lines[0].name": [secret]})
        )
    assert secret not in str(caught.value) + repr(caught.value)
    assert caught.value.__context__ is None


def test_a_senders_own_key_is_escaped_and_cut() -> None:
    (problem,) = problems({**BODY, "\u202e\x1b[2J" + "k" * 10_000: 1})
    assert problem.field.startswith(r"\u202e\x1b[2Jkk")
    assert len(problem.field) == 40


def test_the_error_travels_between_processes() -> None:
    with pytest.raises(InvalidOrder) as caught:
        check(body({"total": 1}))
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.problems == caught.value.problems
    assert str(again) == "order refused: total (sum-mismatch): should be the sum of the lines, 2030"


def test_depth_costs_nothing() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert [p.rule for p in problems(body({"order_id": deep, "extra": deep}))] == [
        "type",
        "unknown-field",
    ]


def test_twins_in_nfc_and_nfd_are_the_same_order() -> None:
    name = "Zo\u00eb \u1ec7\uac00" * 30
    twins = [
        check(body({"customer.name": unicodedata.normalize(form, name)})) for form in ("NFC", "NFD")
    ]
    assert canonical(twins[0]) == canonical(twins[1])
    assert twins[0].customer.name == name
    skus = [
        problems(body({"lines[0].sku": unicodedata.normalize(form, "\u00e9")}))
        for form in ("NFC", "NFD")
    ]
    assert skus[0] == skus[1]
    assert skus[0][0].limit == "U+00E9"


def test_equal_orders_have_one_canonical_form() -> None:
    east = datetime(2026, 1, 15, 9, 30, tzinfo=timezone(timedelta(hours=1)))
    plain = canonical(check(BODY))
    assert plain == canonical(check(dict(reversed(BODY.items()))))
    assert plain == canonical(check(body({"placed_at": "2026-01-15T08:30:00Z"})))
    assert plain == canonical(check(body({"placed_at": east})))
    assert plain == canonical(check(body({"address.line2": "", "address.state": ""})))
    assert '"placed_at":"2026-01-15T08:30:00Z"' in plain
    assert plain.startswith('{"address":{"city":"Reno","country":"US","line1":')


def test_an_order_comes_back_from_its_canonical_form() -> None:
    order = check(BODY)
    assert Order.model_validate_json(canonical(order)) == order
    assert check_order(json.loads(canonical(order))) == order


def test_the_integer_fields_follow_from_the_model() -> None:
    assert integer_fields(Order) == {
        "total",
        "charges",
        "lines[].quantity",
        "lines[].unit_price",
    }


def test_charges_beside_the_lines_are_part_of_the_total() -> None:
    order = check(body({"charges": 490, "total": 2_520}))
    assert json.loads(canonical(order))["charges"] == 490
    (problem,) = problems(body({"charges": -30}))
    assert (problem.field, problem.rule, problem.limit) == ("total", "sum-mismatch", 2_000)


def test_an_order_without_charges_is_written_as_before_there_were_any() -> None:
    assert "charges" not in json.loads(canonical(check(BODY)))
    assert canonical(check(body({"charges": 0}))) == canonical(check(BODY))


CODES = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)
WORDS = st.text("abc \u00e9e\u0301\u7530'", min_size=1, max_size=40).filter(str.strip)


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, object]:
    """Bodies of orders that ought to be taken."""
    skus = draw(st.lists(CODES, min_size=1, max_size=5, unique=True))
    bought = [
        {
            "sku": sku,
            "name": draw(WORDS),
            "quantity": draw(st.integers(1, 10)),
            "unit_price": draw(st.integers(1, 20_000)),
        }
        for sku in skus
    ]
    total = sum(int(str(line["quantity"])) * int(str(line["unit_price"])) for line in bought)
    return {
        **BODY,
        "order_id": draw(CODES),
        "customer": {"id": draw(CODES), "name": draw(WORDS), "email": "a@b.example"},
        "currency": draw(st.sampled_from(["USD", "JPY", "KWD", "EUR"])),
        "lines": bought,
        "total": total,
    }


@patient
@given(bodies())
def test_good_orders_are_taken_and_their_form_is_stable(good: dict[str, object]) -> None:
    order = check(good)
    assert canonical(check(json.loads(canonical(order)))) == canonical(order)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from([*BODY]), inner)
    ),
    max_leaves=12,
)


@patient
@given(st.sampled_from([*BODY, "lines[0].sku", "address.city", "customer.email"]), ANY_JSON)
def test_any_json_in_any_place_is_taken_or_refused(place: str, value: object) -> None:
    with contextlib.suppress(InvalidOrder):
        check(body({place: value}))


@pytest.mark.slow
@patient
@given(st.dictionaries(st.text() | st.sampled_from([*BODY]), ANY_JSON))
def test_arbitrary_json_is_refused(anything: dict[str, object]) -> None:
    problems(anything)
