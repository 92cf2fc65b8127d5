"""Secrets of hosts come from the settings or from Secret blocks, and never with a parameter."""

import json

import pytest
from prefect.blocks.system import Secret
from pydantic import SecretStr

from agents.analysis.collecting.host_credentials import NoSecret, credentials_of
from agents.runtime.errors import SettingsError
from agents.runtime.settings import load_settings

HOST = {"host": "api.example.com:443", "studies": ["shop-*"]}


def named(monkeypatch: pytest.MonkeyPatch, **credential: str) -> None:
    monkeypatch.setenv("AGENT_FLOWS_FETCH_CREDENTIALS", json.dumps([HOST | credential]))


async def test_a_value_of_the_settings_and_one_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    async def load(name: str) -> Secret[str]:
        if name != "weather-key":
            raise ValueError(f"Unable to find block document named {name}")
        return Secret[str](value=SecretStr("abc"))

    monkeypatch.setattr(Secret, "aload", load)
    named(monkeypatch, header="X-Key", value="xyz")
    (given,) = await credentials_of(load_settings())
    assert (given.header, given.value, given.studies) == ("X-Key", "xyz", ("shop-*",))
    named(monkeypatch, block="weather-key", prefix="Bearer ")
    (stored,) = await credentials_of(load_settings())
    assert (stored.header, stored.value) == ("Authorization", "Bearer abc")
    named(monkeypatch, block="other-key")
    with pytest.raises(NoSecret, match="'other-key', which cannot be read"):
        await credentials_of(load_settings())


@pytest.mark.parametrize("credential", [{}, {"value": "a", "block": "b"}])
def test_a_credential_has_one_value(
    monkeypatch: pytest.MonkeyPatch, credential: dict[str, str]
) -> None:
    named(monkeypatch, **credential)
    with pytest.raises(SettingsError, match=r"FETCH_CREDENTIALS.*either a value or a block"):
        load_settings()
