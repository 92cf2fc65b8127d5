"""The environment of the production form: PostgreSQL, Redis, authentication, and nothing in one process's memory."""

import base64
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from agents.runtime.errors import AgentError
from deployments.components import (
    API_URL,
    CLEANUP_URL,
    CLIENT_AUTH,
    DATABASE_URL,
    DOCKET_URL,
    ENCRYPTION_KEY,
    JOURNAL_URL,
    MESSAGING_URL,
    REDIS_URL,
    SERVER_AUTH,
    Component,
)
from deployments.server_settings import CLIENT_SETTINGS, SERVER_SETTINGS
from deployments.up.environment import common
from deployments.up.plan import LOOPBACK, Environment

REQUIRED = (
    *(DATABASE_URL, JOURNAL_URL, REDIS_URL, MESSAGING_URL, CLEANUP_URL, DOCKET_URL),
    *(SERVER_AUTH, ENCRYPTION_KEY),
)
ADVICE = MappingProxyType(
    {
        DATABASE_URL: "postgresql+asyncpg://…/prefect",
        JOURNAL_URL: "postgresql+asyncpg://…/journal",
        REDIS_URL: "redis://…/0",
        MESSAGING_URL: "redis://…/9",
        CLEANUP_URL: "redis://…/7",
        DOCKET_URL: "redis://…/8",
        SERVER_AUTH: "user:password for Prefect's API and UI",
        ENCRYPTION_KEY: "32 random bytes in URL-safe base64, a Fernet key, which encrypts secret blocks",
    }
)


class NotForProduction(AgentError):
    """What the production form needs is not set, or would be in the memory of one process."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(["this is no production form:", *self.problems])


def secrets_of(
    folder: Path | None, made: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """The secrets: of files that are named like the variables, in small letters, else of the environment, else `made`.

    Raises NotForProduction, which names all that are missing, without values.
    """
    found = {name: value for name in REQUIRED if (value := _secret(folder, name) or made.get(name))}
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        where = f"the environment or a file of {folder}" if folder else "the environment"
        raise NotForProduction([f"{name} is not in {where}: {ADVICE[name]}" for name in missing])
    return found


def _secret(folder: Path | None, name: str) -> str:
    file = folder / name.lower() if folder is not None else None
    if file is not None and file.is_file():
        return file.read_text("utf-8").strip()
    return os.environ.get(name, "")


def made_up(folder: Path) -> dict[str, str]:
    """A password and an encryption key for a trial, kept in files that only their owner reads."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = {
        SERVER_AUTH: f"admin:{os.urandom(16).hex()}",
        ENCRYPTION_KEY: base64.urlsafe_b64encode(os.urandom(32)).decode(),  # a Fernet key
    }
    for name, value in fresh.items():
        file = folder / name.lower()
        if not file.exists():
            file.touch(0o600)
            file.write_text(value, "utf-8")
    return {name: (folder / name.lower()).read_text("utf-8").strip() for name in fresh}


def production(
    data: Path, api: str, public: str, hosts: Sequence[str], secrets: Mapping[str, str]
) -> Environment:
    """The environment of each process; `api` is where Prefect's API is for them, `public` for people."""
    shared = dict(SERVER_SETTINGS) | CLIENT_SETTINGS | common(data) | dict(secrets)
    shared |= {
        API_URL: api,
        CLIENT_AUTH: secrets[SERVER_AUTH],
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": public,
        "PREFECT_SERVER_UI_API_URL": f"{public}/api",
        "AGENT_FLOWS_GATEWAY_HOSTS": json.dumps([*hosts]),
        "AGENT_FLOWS_CONCURRENCY": "prefect",
    }

    def of(component: Component, number: int) -> Mapping[str, str]:
        if component.name in {"prefect-server", "prefect-services"} and (
            number or component.name == "prefect-services"
        ):
            # Two that register blocks in an empty database at once: one fails, and ends.
            return shared | {"PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false"}
        return shared

    return of


def base_url(host: str, port: int, *, tls: bool) -> str:
    """The address of a port."""
    shown = LOOPBACK if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
    return f"{'https' if tls else 'http'}://{shown}:{port}"
