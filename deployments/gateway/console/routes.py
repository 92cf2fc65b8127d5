"""The console's routes: one module for each page."""

from fastapi import APIRouter

from deployments.gateway.console import (
    acts,
    approvals,
    assets,
    audit,
    chat,
    conversations,
    dead_letters,
    edit,
    item_list,
    item_page,
    overview,
)

router = APIRouter()
for part in (
    assets,
    overview,
    approvals,
    dead_letters,
    item_list,
    item_page,
    acts,
    edit,
    audit,
    chat,
    conversations,
):
    router.include_router(part.router)
