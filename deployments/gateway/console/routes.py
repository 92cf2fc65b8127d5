"""The console's routes: one module for each page."""

from fastapi import APIRouter

from deployments.gateway.console import assets, audit, item_list, overview

router = APIRouter()
for part in (assets, overview, item_list, audit):
    router.include_router(part.router)
