"""The whole site as one ASGI application: who may ask, the API, the page, the security headers.

Nothing here changes anything: only GET and HEAD are answered, so a forged request has no effect.
"""

import re
from http import HTTPStatus
from pathlib import Path

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import HTTPScope, Message, Receive, Scope, Send

from drsquirrel.serve import files
from drsquirrel.serve.api import api
from drsquirrel.serve.pages import Handbook, Pages
from drsquirrel.serve.problem import Reply, RequestError, problem, told_of

MAX_PATH_CHARS = 1024
API_PATHS = re.compile(r"/(api(/.*)?|metrics|livez|readyz)", re.DOTALL)
LOOPBACK_HOST = re.compile(
    r"(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?", re.ASCII | re.IGNORECASE
)
"""Any port: a tunnel may end on another one, and it is the name that DNS rebinding forges."""
SECURITY_HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "
        b"frame-ancestors 'none'",
    ),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


def _header(scope: HTTPScope, name: bytes) -> str | None:
    """All values of a header, joined as RFC 9110 says; None if it was not sent."""
    values = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    return ", ".join(values) if values else None


def _admit(scope: HTTPScope) -> None:
    """Raises unless the request may be looked at."""
    if not LOOPBACK_HOST.fullmatch(_header(scope, b"host") or ""):
        raise RequestError(
            HTTPStatus.MISDIRECTED_REQUEST,
            "wrong-host",
            "Dr. Squirrel answers to localhost only.",
            "Use http://localhost or http://127.0.0.1 with the port it printed at its start.",
        )
    if scope["method"] not in ("GET", "HEAD"):
        raise RequestError(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "read-only",
            "Dr. Squirrel can be read, not changed.",
            "Use GET or HEAD.",
            {"allow": "GET, HEAD"},
        )
    if len(scope["path"]) > MAX_PATH_CHARS:
        raise RequestError(
            HTTPStatus.REQUEST_URI_TOO_LONG,
            "path-too-long",
            "The path is too long.",
            f"No address here is longer than {MAX_PATH_CHARS} characters.",
        )


def _hardened(send: Send, *, bodiless: bool) -> Send:
    """Sends with the security headers and, for HEAD, without the body."""

    async def out(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *SECURITY_HEADERS]
        elif message["type"] == "http.response.body" and bodiless:
            message["body"] = b""
        await send(message)

    return out


async def _send(reply: Reply, send: Send) -> None:
    headers = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
    headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body, "more_body": False})


class Site:
    """The ASGI application."""

    def __init__(self, pages: Pages, handbook: Handbook, page_dir: Path) -> None:
        self._api: Litestar = api(pages, handbook)
        self._files = files.read(page_dir)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != ScopeType.HTTP:
            await self._api(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        out = _hardened(send, bodiless=method == "HEAD")
        try:
            _admit(scope)
            if API_PATHS.fullmatch(path):
                scope["method"] = "GET"
                await self._api(scope, receive, out)
                return
            reply = files.reply(self._files, path, _header(scope, b"if-none-match"))
            if reply is None:
                raise RequestError(
                    HTTPStatus.NOT_FOUND,
                    "no-such-file",
                    "The page has no such file.",
                    "Reload the page: it is newer than the one you see.",
                )
        except RequestError as error:
            reply = problem(told_of(error), method, path)
        await _send(reply, out)
