"""What the environment names, and what is wrong with its variables: each by name and never with its value."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from prefect.settings import Settings as PrefectSettings
from prefect.settings.legacy import _get_valid_setting_names
from sqlalchemy.engine import make_url

from agents.runtime.errors import SettingsError
from agents.runtime.settings import load_settings, settings


def environment_problems(variables: Mapping[str, str]) -> list[str]:
    """Every problem, one line each; those of our own settings are read from this process."""
    return [*_own(), *_prefect_names(variables), *_prefect_access(variables)]


def _own() -> Iterator[str]:
    try:
        load_settings()
    except SettingsError as error:
        yield from error.problems


def _prefect_names(variables: Mapping[str, str]) -> Iterator[str]:
    """Names that Prefect passes over in silence although they look like a mistyped setting of its own."""
    known = _get_valid_setting_names(PrefectSettings)
    for name in sorted(variables.keys() - known):
        if name.startswith("PREFECT_") and (near := get_close_matches(name, known, 1, 0.9)):
            yield f"{name}: Prefect has no such setting; is {near[0]} meant?"


def _prefect_access(variables: Mapping[str, str]) -> Iterator[str]:
    if variables.get("PREFECT_API_KEY") and variables.get("PREFECT_API_AUTH_STRING"):
        yield (
            "PREFECT_API_KEY and PREFECT_API_AUTH_STRING are both set: Prefect sends the key, and a server "
            "of your own answers 401; unset PREFECT_API_KEY"
        )
    for name in ("PREFECT_API_KEY", "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"):
        if name in variables and not variables[name].strip():
            yield f"{name} is empty: unset it, or set it"
    url = urlsplit(variables.get("PREFECT_API_URL", ""))
    if "PREFECT_API_URL" in variables and url.scheme not in {"http", "https"}:
        yield "PREFECT_API_URL should begin with http:// or https://"
    elif url.scheme and "/api" not in url.path:
        yield "PREFECT_API_URL should end with /api, such as http://127.0.0.1:4200/api"


def has_journal() -> bool:
    """Whether this installation has a journal; opening it would create one on SQLite."""
    url = make_url(settings().journal)
    return url.get_backend_name() != "sqlite" or Path(url.database or "").is_file()
