"""The console's routes: one module for each page."""

from fastapi import APIRouter

from deployments.gateway.console import (
    acts,
    analyses,
    approvals,
    assets,
    audit,
    chat,
    conversations,
    dead_letters,
    edit,
    item_list,
    item_page,
    keys,
    overview,
    queues,
    resources,
    runs,
    task_workflows,
    versions,
    webhooks,
)

PAGES = (
    *(overview, queues, approvals, dead_letters, item_list, item_page, acts, edit, task_workflows),
    *(conversations, chat, runs, resources, analyses, versions, webhooks, keys, audit),
)
router = APIRouter()
for part in (assets, *PAGES):
    router.include_router(part.router)
