"""The process of the local Prefect server: one lock, one address; it ends when nobody uses it.

Called as `python -m flows.cli.local_server_process FOLDER IDLE`, with the seconds after which it ends.
"""

import asyncio
import fcntl
import json
import os
import socket
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from agents.runtime.one_server import is_alone, listen

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ADDRESS, LOCK, USERS = "address.json", "lock", "users"
PATH = "/local-server"
CHECK_SECONDS = 1.0
FINISH_SECONDS = 5
API = "/api"


def serve(folder: Path, idle: float) -> None:
    """Serve until stopped or unused for `idle` seconds; return at once if another process serves the folder."""
    with (folder / LOCK).open("a") as lock, (folder / USERS).open("a") as users:
        if not is_alone(lock):
            return
        with closing(listen(_port_before(folder))) as listener:
            port = listener.getsockname()[1]
            own = f"http://127.0.0.1:{port}"
            # Prefect reads its settings as it is loaded. Pages of other sites may not read this server.
            os.environ["PREFECT_UI_API_URL"] = own + API
            os.environ.setdefault("PREFECT_SERVER_CORS_ALLOWED_ORIGINS", own)
            asyncio.run(_serve(folder, idle, listener, users))


async def _serve(folder: Path, idle: float, listener: socket.socket, users: IO[str]) -> None:
    import uvicorn  # noqa: PLC0415 - after the lock: most of those that start do not need it

    use = _Use(_application(), folder, listener.getsockname()[1])
    server = uvicorn.Server(
        uvicorn.Config(
            use,
            lifespan="on",
            log_level="error",
            access_log=False,
            timeout_graceful_shutdown=FINISH_SECONDS,
        )
    )
    watching = asyncio.create_task(_end_when_unused(server, use, folder, idle, users))
    await server.serve(sockets=[listener])
    watching.cancel()


def _application() -> "ASGIApp":
    """Prefect's API with the services of a temporary server, and its pages, which those do not have."""
    from prefect.server.api import server  # noqa: PLC0415 - loads Prefect, after the lock

    api = server.create_app(ephemeral=True, final=True)
    pages = server.create_ui_app(ephemeral=False)

    async def application(scope: "Scope", receive: "Receive", send: "Send") -> None:
        is_page = scope["type"] == "http" and not f"{scope['path']}/".startswith(f"{API}/")
        await (pages if is_page else api)(scope, receive, send)

    return application


class _Use:
    """Remembers when the last request came, says who serves here, and writes the address once it does."""

    def __init__(self, app: "ASGIApp", folder: Path, port: int) -> None:
        self._app, self._folder, self._port = app, folder, port
        self.open, self.last = 0, time.monotonic()

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._announcing(send))
        elif scope["path"] == PATH:
            await _answer(send)
        else:
            self.open += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self.open, self.last = self.open - 1, time.monotonic()

    def _announcing(self, send: "Send") -> "Send":
        async def announce(message: "Message") -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                draft = self._folder / f"{ADDRESS}.{os.getpid()}"
                draft.write_text(json.dumps({"port": self._port, "pid": os.getpid()}), "utf-8")
                draft.replace(self._folder / ADDRESS)

        return announce


async def _answer(send: "Send") -> None:
    body = json.dumps({"pid": os.getpid()}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _end_when_unused(
    server: "uvicorn.Server", use: _Use, folder: Path, idle: float, users: IO[str]
) -> None:
    """Stop the server once no command and no page has used it for a while, or its folder is gone."""
    while await asyncio.to_thread(folder.exists):
        await asyncio.sleep(CHECK_SECONDS)
        if not is_alone(users):
            use.last = time.monotonic()
        elif not use.open and time.monotonic() - use.last >= idle:
            break  # the lock is kept: who comes now waits until this process has ended
        else:
            fcntl.flock(users, fcntl.LOCK_UN)
    server.should_exit = True


def _port_before(folder: Path) -> int:
    with suppress(OSError, ValueError, KeyError, TypeError):
        return int(json.loads((folder / ADDRESS).read_text("utf-8"))["port"])
    return 0


if __name__ == "__main__":
    serve(Path(sys.argv[1]), float(sys.argv[2]))
