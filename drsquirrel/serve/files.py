"""The built page: every file it has, read once at start, so that no path of a request is opened."""

import hashlib
from http import HTTPStatus
from pathlib import Path

from msgspec import Struct

from drsquirrel.serve.pages import Rendered
from drsquirrel.serve.problem import Reply

INDEX = "/index.html"
HASHED = "/assets/"
"""Files under here carry a hash of their content in their name."""
FOREVER = "public, max-age=31536000, immutable"
ASK = "no-cache"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
NOT_BUILT = Reply(
    HTTPStatus.SERVICE_UNAVAILABLE,
    {"content-type": MEDIA_TYPES[".txt"], "cache-control": "no-store"},
    b"The page of Dr. Squirrel has not been built.\n\n"
    b"In a clone, `make run` builds it; then start Dr. Squirrel again.\n"
    b"The API works without it: begin at /api/v1/jobs.\n",
)


class File(Struct, frozen=True):
    """One file of the page as it goes out."""

    content: Rendered
    media_type: str
    cache: str


def read(page_dir: Path) -> dict[str, File]:
    """Every regular file below the directory by its path in a URL; empty if it is not there."""
    files = {}
    for path in sorted(page_dir.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        url_path = f"/{path.relative_to(page_dir).as_posix()}"
        body = path.read_bytes()
        files[url_path] = File(
            content=Rendered(body, hashlib.sha256(body).hexdigest()[:16]),
            media_type=MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
            cache=FOREVER if url_path.startswith(HASHED) else ASK,
        )
    return files


def reply(files: dict[str, File], path: str, if_none_match: str | None) -> Reply | None:
    """The file at a path, else the page, which routes by itself; None where an asset is missing."""
    file = files.get(path)
    if file is None and path.startswith(HASHED):
        return None
    file = file or files.get(INDEX)
    if file is None:
        return NOT_BUILT
    headers = {"etag": f'"{file.content.etag}"', "cache-control": file.cache}
    if file.content.is_in(if_none_match):
        return Reply(HTTPStatus.NOT_MODIFIED, headers, b"")
    return Reply(HTTPStatus.OK, {"content-type": file.media_type, **headers}, file.content.body)
