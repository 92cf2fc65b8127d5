"""Settings are read from the environment only, validated as a whole, and do not show secrets."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.runtime.errors import SettingsError
from agents.runtime.settings import JSON_SETTINGS, ROOT, Settings, load_settings


def test_without_any_variable_everything_has_a_default() -> None:
    loaded = load_settings()
    assert loaded.journal == f"sqlite+aiosqlite:///{ROOT / '.agent-flows' / 'journal.db'}"
    assert loaded.tenant == "default"


def test_the_journal_is_in_the_data_folder_unless_it_has_a_url(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    assert load_settings().journal == f"sqlite+aiosqlite:///{tmp_path / 'journal.db'}"
    monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", "postgresql+asyncpg://u:p@db/x")
    assert load_settings().journal == "postgresql+asyncpg://u:p@db/x"


def test_all_problems_are_named_at_once_without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_FLOWS_TENANT", "Bad Tenant hunter2")
    monkeypatch.setenv("AGENT_FLOWS_LEASE_SECONDS", "hunter2")
    monkeypatch.setenv("AGENT_FLOWS_CARRIERS", '[{"name": "swift", "url": "hunter2"}]')
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert len(caught.value.problems) == 3
    text = str(caught.value)
    for name in ("AGENT_FLOWS_TENANT", "AGENT_FLOWS_LEASE_SECONDS", "AGENT_FLOWS_CARRIERS (0.url)"):
        assert name in text
    assert "hunter2" not in text
    assert "hunter2" not in repr(caught.value)


@pytest.mark.parametrize(
    "name, value",
    [
        ("LOG_LEVEL", "LOUD"),
        ("CONCURRENCY", "many"),
        ("LEASE_SECONDS", "0.5"),
        ("METRICS_PORT", "0"),
        ("METRICS_HOST", "localhost"),
        ("TENANT", "with:colon"),
        ("CARRIERS", '[{"name": "a", "url": "http://x", "surprise": 1}]'),
    ],
)
def test_an_invalid_value_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"AGENT_FLOWS_{name}", value)
    with pytest.raises(SettingsError, match=f"AGENT_FLOWS_{name}"):
        load_settings()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql+asyncpg://u:hunter2@db/x"
    monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", url)
    for name in ("STRIPE_KEY", "INVENTORY_TOKEN"):
        monkeypatch.setenv(f"AGENT_FLOWS_{name}", "hunter2")
    monkeypatch.setenv("AGENT_FLOWS_NOTIFICATION_URLS", '["json://hunter2"]')
    loaded = load_settings()
    assert "hunter2" not in repr(loaded)
    assert "hunter2" not in loaded.model_dump_json()
    assert loaded.journal == url


@pytest.mark.parametrize("url", ["journal.db", "mysql://u:hunter2@db/x", "postgresql://u@db/x"])
def test_a_journal_on_another_database_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", url)
    with pytest.raises(SettingsError, match=r"JOURNAL_URL: .* should begin with sqlite") as raised:
        load_settings()
    assert "hunter2" not in str(raised.value)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().tenant = "other"  # type: ignore[misc]  # that is the point


def test_unknown_and_empty_variables_are_refused_with_all_other_problems(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mistyped name would leave a process on the journal of the sample, an empty key on no provider."""
    monkeypatch.setenv("AGENT_FLOWS_JOURNAL_ULR", "postgresql+asyncpg://u:hunter2@db/x")
    monkeypatch.setenv("AGENT_FLOWS_COLOUR", "hunter2")
    monkeypatch.setenv("AGENT_FLOWS_STRIPE_KEY", " ")
    monkeypatch.setenv("AGENT_FLOWS_LEASE_SECONDS", "-1")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.problems == (
        "AGENT_FLOWS_COLOUR: is no setting",
        "AGENT_FLOWS_JOURNAL_ULR: is no setting; is AGENT_FLOWS_JOURNAL_URL meant?",
        "AGENT_FLOWS_STRIPE_KEY: is empty; unset it, or set it",
        "AGENT_FLOWS_LEASE_SECONDS: Input should be greater than or equal to 1",
    )


def test_secrets_are_read_from_files_and_a_variable_goes_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "AGENT_FLOWS_STRIPE_KEY").write_text("sk_test_1\n")
    (tmp_path / "agent_flows_tenant").write_text("acme")
    (tmp_path / "..data").mkdir()  # as Kubernetes leaves it beside mounted files
    monkeypatch.setenv("AGENT_FLOWS_SECRETS", str(tmp_path))
    loaded = load_settings()
    assert loaded.stripe_key is not None
    assert (loaded.stripe_key.get_secret_value(), loaded.tenant) == ("sk_test_1", "acme")
    monkeypatch.setenv("AGENT_FLOWS_TENANT", "other")
    assert load_settings().tenant == "other"


def test_a_folder_of_secrets_that_is_wrong_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AGENT_FLOWS_SECRETS", str(tmp_path / "gone"))
    with pytest.raises(SettingsError, match="AGENT_FLOWS_SECRETS: No such file"):
        load_settings()
    monkeypatch.setenv("AGENT_FLOWS_SECRETS", str(tmp_path))
    (tmp_path / "stripe_key").write_text("hunter2")
    with pytest.raises(SettingsError, match="'stripe_key' is named after no setting") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["MAIL", "JWT", "CARRIERS", "MODELS", "QUEUE_LIMITS"])
@given(
    value=st.text(min_size=1, max_size=40).filter(lambda text: "\0" not in text and text.strip())
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_stops_a_process_in_another_way_or_is_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    try:
        monkeypatch.setitem(os.environ, f"AGENT_FLOWS_{name}", value)
    except UnicodeEncodeError:
        return  # a lone surrogate that no environment can hold
    assert all(problem.startswith(f"AGENT_FLOWS_{name}") for problem in problems())


def problems() -> tuple[str, ...]:
    try:
        load_settings()
    except SettingsError as error:
        return error.problems
    return ()


def test_every_setting_that_is_no_plain_value_is_read_as_json(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(f"AGENT_FLOWS_{name.upper()}", "{")
    found = {line.partition(":")[0]: line.partition(":")[2] for line in problems()}
    assert {name for name in found if found[name] == " Value error, should be JSON"} == {
        f"AGENT_FLOWS_{name.upper()}" for name in JSON_SETTINGS
    }
    for name in Settings.model_fields.keys() - set(JSON_SETTINGS):
        assert "tuple" not in found.get(f"AGENT_FLOWS_{name.upper()}", "")
