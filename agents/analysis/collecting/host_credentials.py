"""The secrets of the hosts of sources, from the settings or from Secret blocks of Prefect."""

from typing import Any

from agents.runtime import Settings
from agents.runtime.errors import AgentError
from agents.runtime.settings import FetchCredential
from agents.services.fetching.credentials import Credential


class NoSecret(AgentError):
    """A Secret block that cannot be read."""

    def __init__(self, block: str, reason: str) -> None:
        super().__init__(block, reason)
        self.block, self.reason = block, reason

    def __str__(self) -> str:
        return (
            f"AGENT_FLOWS_FETCH_CREDENTIALS names the Secret block {self.block!r}, which cannot be read: "
            f"{self.reason}"
        )


async def credentials_of(here: Settings) -> tuple[Credential, ...]:
    """The credentials that the settings name. Raises NoSecret."""
    return tuple(
        [
            Credential(one.host, one.header, one.prefix + await _value(one), one.studies)
            for one in here.fetch_credentials
        ]
    )


async def _value(one: FetchCredential) -> str:
    if one.value is not None:
        return one.value.get_secret_value()
    from prefect.blocks.system import Secret  # noqa: PLC0415 - loads Prefect's client

    assert one.block is not None
    try:
        block: Any = await Secret.aload(one.block)
    except ValueError as error:
        raise NoSecret(one.block, str(error)[:200]) from None
    return str(block.get())
