"""The fault script: strictly read, and the same draw for the same item."""

import pytest

from agents.services.sandbox.faults import ALWAYS, DEMO, ONCE, BadFaultScript, parse_faults
from agents.services.systems import operations

OWN = {kind: operation.name for operation in operations() for kind in operation.faults}


def test_the_demo_script_can_be_read() -> None:
    assert parse_faults(DEMO).shares


def test_an_empty_script_has_no_faults() -> None:
    assert parse_faults("").draw("payments.capture", "o1") == ""
    assert parse_faults(" ; ").shares == {}


@pytest.mark.parametrize(
    "script, problem",
    [
        ("nonsense", "neither"),
        ("seed=x", "neither"),
        ("seed=-1", "neither"),
        ("payments.capture", "neither"),
        ("payments.capture:timeout", "neither"),
        ("payments.charge:timeout=0.1", "'payments.charge' is not one of"),
        ("inventory.set_stock:timeout=0.1", "'inventory.set_stock' is not one of"),
        ("payments.capture:explode=0.1", "'explode' is not one of"),
        ("payments.capture:timeout=much", "from 0 to 1"),
        ("payments.capture:timeout=1.1", "from 0 to 1"),
        ("payments.capture:timeout=-0.1", "from 0 to 1"),
        ("payments.capture:timeout=nan", "from 0 to 1"),
        ("payments.capture:decline=0.1", "a fault of payments.authorise"),
        ("inventory.reserve:refuse=0.1", "a fault of carriers.book"),
        ("payments.capture:timeout=0.1;payments.capture:timeout=0.1", "twice"),
        ("payments.capture:timeout=0.6;payments.capture:reset=0.6", "more than 1"),
    ],
)
def test_a_bad_script_is_refused_with_the_reason(script: str, problem: str) -> None:
    with pytest.raises(BadFaultScript, match=problem):
        parse_faults(script)


@pytest.mark.parametrize("kind", sorted(ONCE | ALWAYS | OWN.keys()))
def test_every_kind_can_be_asked_for(kind: str) -> None:
    operation = OWN.get(kind, "carriers.cancel")
    assert parse_faults(f"{operation}:{kind}=1").draw(operation, "o1") == kind


def test_the_share_is_kept_and_the_draw_repeats() -> None:
    script = "seed=3;payments.capture:timeout=0.1;payments.capture:reset=0.2"
    faults, again = parse_faults(script), parse_faults(script + ";")
    drawn = [faults.draw("payments.capture", f"o{n}") for n in range(10_000)]
    assert drawn == [again.draw("payments.capture", f"o{n}") for n in range(10_000)]
    assert 900 < drawn.count("timeout") < 1_100
    assert 1_850 < drawn.count("reset") < 2_150
    assert faults.draw("payments.refund", "o1") == ""


def test_another_seed_hits_others() -> None:
    one, two = (parse_faults(f"seed={s};carriers.book:reset=0.5") for s in (1, 2))
    drawn = [
        (one.draw("carriers.book", f"o{n}"), two.draw("carriers.book", f"o{n}")) for n in range(99)
    ]
    assert any(a != b for a, b in drawn)
