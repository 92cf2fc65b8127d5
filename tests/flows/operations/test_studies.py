"""The commands for a study; test_data_analysis.py tests what they do."""

from flows.operations.studies import mend_rows, promote_model, quarantine, roll_back_model


def test_each_is_a_flow_with_described_parameters() -> None:
    for flow in (quarantine, mend_rows, promote_model, roll_back_model):
        schema = flow.parameters.model_dump()
        assert all(one.get("description") for one in schema["properties"].values()), flow.name
