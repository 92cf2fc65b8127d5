"""Bad records and errors are words for a person, and cross processes."""

import pickle

from agents.runtime.errors import PermanentError
from agents.services.files.limits import Limits
from agents.services.files.outcomes import BadRecord, Fault, SourceError


def test_a_bad_record_names_line_field_and_rule() -> None:
    fault = Fault("nul", "", "holds NUL").inside("[2]").inside("b").inside("a")
    bad = fault.at(7, b"x" * 99, Limits(raw_bytes=9))
    assert bad == BadRecord(
        7, "nul", "a.b[2]", "line 7, field a.b[2]: holds NUL (rule nul)", b"x" * 9
    )
    assert Fault("nul", "", "why").at(1, b"", Limits()).message == "line 1: why (rule nul)"


def test_a_source_error_is_permanent_and_picklable() -> None:
    error = SourceError("bomb", "it expands", "a.csv")
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, SourceError)
    assert isinstance(again, PermanentError)
    assert str(again) == str(error) == "a.csv: it expands (rule bomb)"
    assert again.rule == "bomb"
    assert str(SourceError("bomb", "it expands")) == "it expands (rule bomb)"
