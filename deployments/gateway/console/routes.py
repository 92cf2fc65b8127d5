"""The console's routes: one module for each page."""

from fastapi import APIRouter

from deployments.gateway.console import assets

router = APIRouter()
for part in (assets,):
    router.include_router(part.router)
