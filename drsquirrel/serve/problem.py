"""Errors as RFC 9457 problem documents: what is wrong, what to do, an id to find in our log.

No stack, no host name and no text of the request ever stands in one.
"""

import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from msgspec import Struct

MEDIA_TYPE = "application/problem+json"
LOGGED_PATH_CHARS = 200
LOG = logging.getLogger(__name__)


class Problem(Struct, frozen=True, kw_only=True):
    """What went wrong, in the form of RFC 9457; `id` also stands in Dr. Squirrel's own log."""

    type: str
    title: str
    status: int
    detail: str
    id: str


class RequestError(Exception):
    """A request that cannot be answered, and what its sender can do about it."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        title: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(title)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.headers = headers or {}


class Reply(Struct, frozen=True):
    """An answer as it goes out."""

    status: int
    headers: dict[str, str]
    body: bytes


def problem(error: RequestError, method: str, path: str) -> Reply:
    """The reply to a request that cannot be answered; logged under the same id."""
    made = Problem(
        type=f"urn:drsquirrel:problem:{error.code}",
        title=error.title,
        status=error.status.value,
        detail=error.detail,
        id=secrets.token_hex(6),
    )
    shown = path[:LOGGED_PATH_CHARS]
    LOG.info("%s %d %s: %r %r", made.id, made.status, error.code, method, shown)
    if error.status is HTTPStatus.INTERNAL_SERVER_ERROR:
        LOG.error("%s came from this", made.id, exc_info=error.__cause__)
    headers = {"content-type": MEDIA_TYPE, "cache-control": "no-store", **error.headers}
    return Reply(made.status, headers, msgspec.json.encode(made))


def told_of(error: Exception) -> RequestError:
    """What the sender of a request is told of an exception."""
    if isinstance(error, RequestError):
        return error
    if isinstance(error, ValidationException):
        return RequestError(
            HTTPStatus.BAD_REQUEST,
            "bad-id",
            "This is not an id.",
            "Take ids from /api/v1/jobs and rule codes from /api/v1/rules.",
        )
    if isinstance(error, HTTPException) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return RequestError(
            HTTPStatus.NOT_FOUND,
            "no-such-address",
            "There is nothing at this address.",
            "The API begins at /api/v1/jobs.",
        )
    ours = RequestError(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal",
        "Dr. Squirrel made an error.",
        "Search its log for the id, and report what stands there.",
    )
    ours.__cause__ = error
    return ours


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The API's answer to any exception."""
    reply = problem(told_of(error), request.method, request.scope["path"])
    return Response(
        reply.body, status_code=reply.status, headers=reply.headers, media_type=MEDIA_TYPE
    )
