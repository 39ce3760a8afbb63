"""Listens on loopback and serves the site inside the running event loop, with granian.

Signals are not granian's here: the embedded server installs no handler, and `stop` ends it.
"""

import asyncio
import errno
import ipaddress
import os
import socket
from pathlib import Path

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from drsquirrel.serve.pages import Handbook, Pages
from drsquirrel.serve.site import Site

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
MAX_PORT = 65535
BACKLOG = 128
CONNECTIONS = 512
"""Open at once; more have to wait, until one that says nothing has done so for too long. Half of
what a process may open by default: clusters and the database need some too."""
SILENT_MS = 5_000
MAX_HEAD_BYTES = 64 * 1024
GRACE_S = 1.0
"""How long a stop waits for a client that is in the middle of sending its request."""


class ListenError(Exception):
    """We cannot listen there: one message for the user, saying what to do."""


def listen(host: str, port: int) -> socket.socket:
    """Takes a port on a loopback address; port 0 takes a free one. Raises ListenError."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = None
    if address is None or not any(address in network for network in LOOPBACK):
        raise ListenError(
            f"Dr. Squirrel listens on this machine only, not on {host!r}, because it has no log-in "
            "yet. Use localhost, 127.0.0.1 or ::1; to read it from elsewhere, use an SSH tunnel."
        )
    if not 0 <= port <= MAX_PORT:
        raise ListenError(f"{port} is no port. Use 1 to {MAX_PORT}, or 0 for any free one.")
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        return socket.create_server((str(address), port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = f"Port {port} is in use, perhaps by another Dr. Squirrel."
        else:
            why = f"Cannot listen on {address} port {port}: {os.strerror(error.errno or 0)}."
        raise ListenError(f"{why} Choose another from 1024 up, or 0 for any free one.") from error


def url(listening: socket.socket) -> str:
    """The address to open in a browser."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Embedded(Server):
    """granian on a socket of ours: its own shares ports, so two would never see each other."""

    def __init__(self, site: Site, listening: socket.socket) -> None:
        super().__init__(
            target=site,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            backpressure=CONNECTIONS,
            http1_settings=HTTP1Settings(
                header_read_timeout=SILENT_MS, max_buffer_size=MAX_HEAD_BYTES
            ),
            websockets=False,
            log_level=LogLevels.error,
            # Without "incremental", granian would close the handlers of our own log.
            log_dictconfig={"incremental": True, "handlers": {}, "loggers": {}},
        )
        self._listening = listening

    def _init_shared_socket(self) -> None:
        held = SocketHolder(self._listening.detach(), False, BACKLOG)  # type: ignore[call-arg]
        self._shd = held  # type: ignore[assignment]


async def serve(
    pages: Pages,
    handbook: Handbook,
    *,
    listening: socket.socket,
    page_dir: Path,
    stop: asyncio.Event,
) -> None:
    """Serves until `stop` is set or the task is cancelled, then closes the socket.

    A client that still sends its request after GRACE_S is left behind.
    """
    server = _Embedded(Site(pages, handbook, page_dir), listening)
    running = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        server.stop()  # type: ignore[no-untyped-call]
        await asyncio.wait({running}, timeout=GRACE_S)
    if running.done():
        running.result()
    if not stop.is_set():
        raise RuntimeError("the web server ended by itself")
