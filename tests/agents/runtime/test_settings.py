"""Settings are read from the environment only, validated as a whole, and do not show secrets."""

from pathlib import Path

import pytest

from agents.runtime.errors import SettingsError
from agents.runtime.settings import ROOT, Settings, load_settings


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
