"""A flow for deployments that are only checked."""

from typing import Annotated

from prefect import flow
from pydantic import Field


@flow(name="stand-in")
async def process(orders: str, batch_size: Annotated[int, Field(ge=1, le=512)] = 256) -> str:
    """Do nothing."""
    return f"{orders} {batch_size}"


def not_a_flow() -> None:
    """A function that is no flow."""
