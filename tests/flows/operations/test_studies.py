"""Commands for a study; their stories are told by test_data_analysis.py."""

from flows.operations.studies import mend_rows, quarantine, roll_back_model


def test_each_is_a_flow_with_described_parameters() -> None:
    for flow in (quarantine, mend_rows, roll_back_model):
        schema = flow.parameters.model_dump()
        assert all(one.get("description") for one in schema["properties"].values()), flow.name
