"""A client of one YARN that can only read: its ResourceManager, and the NodeManagers it names."""

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec

from drsquirrel.collect.flink_rest.address import base_url
from drsquirrel.collect.flink_rest.client import FlinkClient
from drsquirrel.collect.flink_rest.error import (
    FlinkError,
    GoneError,
    RedirectRefusedError,
    RequestRefusedError,
    TimedOutError,
    UnreachableError,
    shown,
)
from drsquirrel.collect.flink_rest.settings import PollSettings
from drsquirrel.collect.redaction import Redaction
from drsquirrel.collect.rest import RestClient, Words

NODES_MAX = 200
"""NodeManagers to which a connection is kept; who was longest not asked makes room."""
LOG_TAIL_BYTES = 1 << 19
"""So much of the end of a NodeManager's log is read."""
LINES_MAX = 20
LINE_CHARACTERS = 500
_ID = r"\d{1,20}_\d{1,10}"
_READ = re.compile(
    r"/ws/v1/cluster/apps\?[A-Za-z=&,%0-9]+"
    rf"|/ws/v1/cluster/apps/application_{_ID}"
    rf"|/ws/v1/cluster/apps/application_{_ID}/appattempts/appattempt_{_ID}_\d{{6}}/containers"
    r"|/ws/v1/node/containers"
    r"|/logs/(?:[A-Za-z0-9._%-]+\.log)?"
)
_LOG = re.compile(rb'href="(?:/logs/)?([A-Za-z0-9._%-]*nodemanager[A-Za-z0-9._%-]*\.log)"')
_OF_AN_END = ("memory limit", "Exit code", "exit code", "exitCode", "is killed", "was killed")


class _YarnRest(RestClient):
    """One server of YARN."""

    async def get(self, path: str) -> Any:
        return await super().get(_checked(path))

    def first_error(self, body: bytes) -> str:
        try:
            told = msgspec.json.decode(body)
            return str(told["RemoteException"]["message"]).partition("\n")[0]
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
            return ""


class ResourceManager(_YarnRest):
    words = Words(
        api="a YARN ResourceManager",
        api_does="a ResourceManager",
        hangs="the ResourceManager",
        port="yarn.resourcemanager.webapp.address",
        reach="is the ResourceManager running, and is this the address of its page "
        "(yarn.resourcemanager.webapp.address, port 8088 unless configured)?",
    )


class NodeManager(_YarnRest):
    words = Words(
        api="a YARN NodeManager",
        api_does="a NodeManager",
        hangs="the NodeManager",
        port="yarn.nodemanager.webapp.address",
        reach="is the NodeManager running, and is its page open to this machine "
        "(yarn.nodemanager.webapp.address, port 8042 unless configured)?",
    )
    log = ""
    """The name of its own log, once that was looked for."""

    async def log_about(self, wanted: str) -> list[str]:
        """The last lines of its log that tell of an end and hold `wanted`; raises FlinkError."""
        if not self.log:
            found = _LOG.search(await self._body(_checked("/logs/")))
            if found is None:
                raise FlinkError(f"{self.url} serves no log of its own below /logs/.")
            self.log = found[1].decode()
        tail = {"Range": f"bytes=-{LOG_TAIL_BYTES}"}
        text = (await self._body(_checked(f"/logs/{self.log}"), tail)).decode(errors="replace")
        about = [
            line[:LINE_CHARACTERS]
            for line in text.splitlines()
            if wanted in line and any(words in line for words in _OF_AN_END)
        ]
        return [self.redaction.redact_text(line) for line in about[-LINES_MAX:]]


class ProxiedFlinkClient(FlinkClient):
    """Asks Flink's REST through the proxy of a ResourceManager."""

    words = replace(FlinkClient.words, redirect="its YARN application may be over")

    def move(self, url: str) -> None:
        """Ask at this address from now on: another ResourceManager is active."""
        self.url = base_url(url, self.words.api)


class YarnClient:
    """One YARN; an async context manager. Credentials go to the ResourceManager as configured, and
    to no other address: neither to another ResourceManager nor to NodeManagers."""

    def __init__(
        self,
        url: str,
        *,
        user: str = "",
        password: str = "",
        token: str = "",
        ca_file: Path | None = None,
        settings: PollSettings | None = None,
        redaction: Redaction | None = None,
    ) -> None:
        self.redaction = redaction or Redaction()
        self._ca_file = ca_file
        self._settings = settings or PollSettings()
        self._configured = ResourceManager(
            url,
            user=user,
            password=password,
            token=token,
            ca_file=ca_file,
            settings=self._settings,
            redaction=self.redaction,
        )
        self._has_credentials = bool(user or token)
        self._active = self._configured
        self._nodes: OrderedDict[str, NodeManager] = OrderedDict()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in (self._configured, self._active, *self._nodes.values()):
            await client.close()

    @property
    def url(self) -> str:
        """The address of the ResourceManager that answers."""
        return self._active.url

    def proxy(self, application: str) -> str:
        """Where the ResourceManager passes requests on to an application."""
        return f"{self.url}/proxy/{application}"

    async def get(self, path: str) -> Any:
        """What the active ResourceManager answers: a standby one tells where that is. Raises
        FlinkError."""
        try:
            return await self._active.get(path)
        except RedirectRefusedError as error:
            leads_to = error.leads_to
            other = _other(leads_to, f"{urlsplit(self._active.url).path}{path}")
            if other is None:
                raise
            if self._has_credentials:
                raise FlinkError(
                    f"{self.url} is a standby and names the active ResourceManager, which your "
                    f"credentials are not sent to: give its address ({shown(other)})."
                ) from None
        except (UnreachableError, TimedOutError):
            await self._turn_to(self._configured)
            raise
        await self._turn_to(self._made(ResourceManager, other))
        return await self._active.get(path)

    async def get_of(self, node: str, path: str) -> Any:
        """What a NodeManager (host and port, or an address) answers; raises FlinkError."""
        asked = self._node(node)
        while len(self._nodes) > NODES_MAX:
            await self._nodes.popitem(last=False)[1].close()
        return await asked.get(path)

    async def log_of(self, node: str, container: str) -> str:
        """What a NodeManager's own log tells of the end of a container; raises FlinkError."""
        try:
            return "\n".join(await self._node(node).log_about(container))
        except GoneError:
            raise FlinkError(f"{node} does not serve its log (hadoop.http.logs.enabled).") from None

    async def _turn_to(self, other: ResourceManager) -> None:
        before, self._active = self._active, other
        if before is not other and before is not self._configured:
            await before.close()

    def _node(self, node: str) -> NodeManager:
        scheme = urlsplit(self._configured.url).scheme
        url = node if "//" in node else f"{scheme}://{node}"
        if url not in self._nodes:
            self._nodes[url] = self._made(NodeManager, url)
        self._nodes.move_to_end(url)
        return self._nodes[url]

    def _made(self, kind: Callable[..., Any], url: str) -> Any:
        return kind(url, ca_file=self._ca_file, settings=self._settings, redaction=self.redaction)


def _other(leads_to: str, path: str) -> str | None:
    """The address of another ResourceManager in a redirect; None where it leads elsewhere."""
    try:
        parts, asked = urlsplit(leads_to), urlsplit(path)
        same = parts.path == asked.path and parts.scheme in ("http", "https") and parts.hostname
        return f"{parts.scheme}://{parts.netloc}" if same else None
    except ValueError:
        return None


def _checked(path: str) -> str:
    if _READ.fullmatch(path) is None:
        raise RequestRefusedError(f"This request is not one that is sent to YARN: {shown(path)}.")
    return path
