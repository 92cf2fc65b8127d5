"""The console's routes: one module for each page."""

from fastapi import APIRouter

from deployments.gateway.console import assets, audit, item_list

router = APIRouter()
for part in (assets, audit, item_list):
    router.include_router(part.router)
