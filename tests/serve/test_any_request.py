"""Whatever is asked, the answer is whole and never our own error."""

import asyncio
import string
from typing import Any, cast

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from litestar.types import HTTPScope, Message

from drsquirrel.serve.site import Site

WORDS = ("api", "v1", "jobs", "runs", "flink-jobs", "rules", "report", "metrics", "assets", "..")
PART = st.sampled_from(WORDS) | st.text(max_size=70) | st.text(string.hexdigits, max_size=40)
PATH = st.lists(PART, max_size=7).map(lambda parts: "/" + "/".join(parts))
HEADER = st.tuples(
    st.sampled_from(["if-none-match", "accept", "cookie", "content-type", "origin", "range", "x"]),
    st.binary(max_size=30),
).map(lambda pair: (pair[0].encode(), pair[1]))
HOST = st.just(b"localhost:8641") | st.binary(max_size=30)


async def asked(site: Site, scope: dict[str, Any]) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{{", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await site(cast(HTTPScope, scope), receive, send)
    return sent


@example(path="/api/no", query=b"\x80", host=b"localhost", headers=[], method="GET")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=PATH,
    query=st.binary(max_size=40),
    host=HOST,
    headers=st.lists(HEADER, max_size=4),
    method=st.sampled_from(["GET", "HEAD"]) | st.text(max_size=9),
)
def test_no_request_is_answered_with_our_own_error(
    site: Site,
    path: str,
    query: bytes,
    host: bytes,
    headers: list[tuple[bytes, bytes]],
    method: str,
) -> None:
    scope = {
        "type": "http",
        "http_version": "1.1",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "scheme": "http",
        "server": ("127.0.0.1", 8641),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "method": method,
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "query_string": query,
        "headers": [(b"host", host), *headers],
        "state": {},
        "extensions": {},
    }
    start, *bodies = asyncio.run(asked(site, scope))
    assert start["type"] == "http.response.start" and start["status"] < 500
    assert [body["type"] for body in bodies] == ["http.response.body"]
    assert b"content-security-policy" in dict(start["headers"])
