"""A client of one cluster's REST API that can only read: GET, known paths, nothing followed."""

from typing import Any, Protocol

from drsquirrel.collect.flink_rest.address import checked_path
from drsquirrel.collect.rest import RestClient, Words


class Get(Protocol):
    """Where answers come from: a cluster, or a recording of one."""

    async def get(self, path: str) -> Any:
        """The decoded JSON under this path; raises FlinkError."""
        ...


class FlinkClient(RestClient):
    """One keep-alive session to one cluster; an async context manager: see RestClient."""

    words = Words(
        api="a Flink REST API",
        api_does="Flink's REST API",
        hangs="the JobManager",
        port="Flink's rest.port",
        reach="is the JobManager running, and is this the address of its REST API (rest.port, 8081 "
        "unless configured)?",
    )

    async def get(self, path: str) -> Any:
        """The decoded, redacted JSON under a path that address.py lists; raises FlinkError."""
        return await super().get(checked_path(path))

    def first_error(self, body: bytes) -> str:
        text = body.decode(errors="replace")
        if not text.startswith('{"errors":["'):
            return ""
        return text.removeprefix('{"errors":["').split("\\n")[0].split('"')[0]
