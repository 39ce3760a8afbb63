"""Errors as RFC 9457 problem documents: a sentence, what to do, and an id to find in our log.

No stack, no host name and no text of the request ever stands in one.
"""

import logging
import secrets
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from msgspec import Struct

MEDIA_TYPE = "application/problem+json"
LOG = logging.getLogger(__name__)


class Problem(Struct, frozen=True, kw_only=True):
    """What went wrong, in the form of RFC 9457."""

    type: str
    """A name for this sort of problem that stays the same."""
    title: str
    status: int
    detail: str
    """What to do about it."""
    id: str
    """Stands in Dr. Squirrel's own log beside what happened."""


class RequestError(Exception):
    """A request that is not answered, for a reason the reader can do something about."""

    def __init__(self, status: HTTPStatus, code: str, title: str, detail: str) -> None:
        super().__init__(title)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail


def problem(error: RequestError, method: str, path: str) -> Problem:
    """The document for an error; logs it under the same id."""
    made = Problem(
        type=f"urn:drsquirrel:problem:{error.code}",
        title=error.title,
        status=error.status.value,
        detail=error.detail,
        id=secrets.token_hex(6),
    )
    LOG.info("%s %d %s: %r %r", made.id, made.status, error.code, method, path[:200])
    return made


def told_of(error: Exception) -> RequestError:
    """What a reader is told of an exception."""
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
    return RequestError(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal",
        "Dr. Squirrel made an error.",
        "Search its log for the id, and report what you find.",
    )


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The API's answer to any exception."""
    made = problem(told_of(error), request.method, request.url.path)
    if made.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        LOG.error("%s came from this", made.id, exc_info=error)
    return Response(
        msgspec.json.encode(made),
        status_code=made.status,
        media_type=MEDIA_TYPE,
        headers={"cache-control": "no-store"},
    )
