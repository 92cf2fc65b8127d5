"""The chat page of customers: they write, the reply is streamed, and it works without a script as well."""

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from agents.runtime.journal import conversations as stored
from agents.support.models import LONGEST_TEXT
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.console.pages import HEADERS, render
from deployments.gateway.conversation_views import Transcript
from deployments.gateway.conversations import Id, begun, checked_text, customer_of, readable, said
from deployments.gateway.idempotency import request_key
from deployments.gateway.tenancy import journal_of

OWN = allow(Scope.CHAT, objects="the conversations of the customer that the caller talks as")
router = APIRouter(prefix="/chat", include_in_schema=False, dependencies=[OWN])

Language = Literal["", "en", "zh"]
Lang = Annotated[Language, Query(alias="lang")]
Text = Annotated[str, Form(max_length=100_000)]
RequestId = Annotated[str, Form(pattern=r"^[A-Za-z0-9-]{1,64}$")]


@router.get("")
async def latest(request: Request, principal: Caller, lang: Lang = "") -> Response:
    """The latest conversation of the customer; without one, the page that begins the first."""
    found = await stored.recent(journal_of(principal), customer_of(principal), None, 1)
    if found:
        return _to(found[0].id, lang)
    return _page(request, None, lang)


@router.get("/new")
async def new(request: Request, principal: Caller, lang: Lang = "") -> Response:
    """The page that begins a conversation with its first turn."""
    customer_of(principal)
    return _page(request, None, lang)


@router.post("")
async def first(
    request: Request, principal: Caller, text: Text, sent: RequestId, lang: Lang = ""
) -> Response:
    """Begin a conversation with its first turn."""
    words = checked_text(text)
    return await _said(request, principal, await begun(principal), words, sent, lang)


@router.get("/{conversation}")
async def page(conversation: Id, request: Request, principal: Caller, lang: Lang = "") -> Response:
    """One conversation of the customer."""
    customer_of(principal)
    found = await readable(principal, conversation, everybodys=False)
    return _page(request, found, lang)


@router.post("/{conversation}")
async def say(  # noqa: PLR0913 - the fields of the form
    conversation: Id,
    request: Request,
    principal: Caller,
    text: Text,
    sent: RequestId,
    lang: Lang = "",
) -> Response:
    """Write in the conversation; the page that follows shows the reply when it is there."""
    return await _said(request, principal, conversation, checked_text(text), sent, lang)


async def _said(  # noqa: PLR0913 - the parts of one message
    request: Request, principal: Caller, conversation: str, text: str, sent: str, lang: Language
) -> Response:
    key = request_key(request, principal, "", f"chat {sent}", text.encode())
    await said(principal, conversation, text, key)
    return _to(conversation, lang)


def _to(conversation: str, lang: Language) -> Response:
    query = f"?{urlencode({'lang': lang})}" if lang else ""
    return RedirectResponse(f"/chat/{conversation}{query}", 303, HEADERS)


def _page(request: Request, found: Transcript | None, lang: Language) -> Response:
    accepted = request.headers.get("accept-language", "").lower()
    return render(
        request,
        "chat.html",
        talk=found,
        lang=lang or ("zh" if accepted.startswith("zh") else "en"),
        chosen=lang,
        longest=LONGEST_TEXT,
    )
