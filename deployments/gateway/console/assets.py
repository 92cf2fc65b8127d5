"""The console's own style sheet, script and icon; no page needs anything from another host."""

import hashlib
import mimetypes
from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import Response

from deployments.gateway.access import public
from deployments.gateway.problems import Problem

router = APIRouter(prefix="/console/static", include_in_schema=False)

STATIC = files("deployments.gateway.console") / "static"
A_YEAR = "public, max-age=31536000, immutable"


@cache
def _contents() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in STATIC.iterdir()}


@cache
def address(name: str) -> str:
    """The path of a file of the folder `static`; it changes with the content, so browsers may keep it."""
    return f"/console/static/{name}?{hashlib.sha256(_contents()[name]).hexdigest()[:12]}"


@router.get("/{name}", dependencies=[public("files of the console's pages")])
async def static(name: str) -> Response:
    """One file."""
    content = _contents().get(name)
    if content is None:
        raise Problem(404, "unknown-file", f"the console has no file {name!r}")
    kind, _ = mimetypes.guess_type(name)
    headers = {"cache-control": A_YEAR, "x-content-type-options": "nosniff"}
    return Response(content, headers=headers, media_type=kind)
