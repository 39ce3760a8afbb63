"""A TCP proxy on this machine that can fail as networks and servers do."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from enum import Enum
from types import TracebackType
from typing import Any, Self, TypeVar

from demo.port import free_port

T = TypeVar("T")
CHUNK_BYTES = 64 << 10
SLICES_PER_S = 20
"""A slow connection gets its bytes in so many pieces per second."""
ANSWER_TIMEOUT_S = 10.0
RESET = struct.pack("ii", 1, 0)


class Mode(Enum):
    """What becomes of connections and their bytes."""

    PASS = "pass"
    REFUSE = "refuse"
    """Nobody listens; connections that were there are reset."""
    BLACK_HOLE = "black hole"
    """Connections are accepted, and nothing comes through any of them."""
    DEAF = "deaf"
    """What clients send comes through, and no answer does."""
    SLOW = "slow"
    """So many bytes per second come through each connection, each way."""


class Proxy:
    """A context manager. Its port stays the same; `mode` and `target` may be changed at any time,
    which holds for the connections that are there too."""

    def __init__(self, target: str = "", bytes_per_s: int = 2_000) -> None:
        self.port = free_port()
        self.target = target
        self.bytes_per_s = bytes_per_s
        self._mode = Mode.PASS
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def mode(self) -> Mode:
        return self._mode

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._links)

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set(self, mode: Mode) -> None:
        """From now on connections behave so."""
        self._call(self._set(mode))

    def cut(self) -> None:
        """Reset every connection that is there; new ones are as good as before."""
        self._call(self._cut())

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_TIMEOUT_S)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._cut()

    async def _set(self, mode: Mode) -> None:
        self._mode = mode
        if mode is Mode.REFUSE and self._server is not None:
            self._server.close()
            self._server = None
            await self._cut()
        elif mode is not Mode.REFUSE and self._server is None:
            await self._listen()
        for link in self._links:
            link.changed.set()

    async def _cut(self) -> None:
        tasks = [task for link in self._links for task in link.cut()]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, reader, writer)
        self._links.add(link)
        try:
            await link.carry()
        finally:
            self._links.discard(link)


class _Link:
    """One connection of a client, and ours to the target on its behalf."""

    def __init__(
        self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.changed = asyncio.Event()
        self._proxy = proxy
        self._client = reader, writer
        self._writers = [writer]
        self._tasks: list[asyncio.Task[None]] = []

    async def carry(self) -> None:
        """Until one side ends the connection, or it is cut."""
        asks = asyncio.current_task()
        assert asks is not None
        self._tasks.append(asks)
        try:
            await self._passes(False)
            host, _, port = self._proxy.target.rpartition(":")
            server = await asyncio.open_connection(host, int(port))
            self._writers.append(server[1])
            answers = asyncio.create_task(self._pump(server[0], self._client[1], True))
            self._tasks.append(answers)
            asks_too = asyncio.create_task(self._pump(self._client[0], server[1], False))
            self._tasks.append(asks_too)
            await asyncio.wait((answers, asks_too), return_when=asyncio.FIRST_COMPLETED)
        except (OSError, asyncio.CancelledError):
            pass  # the target is away, or the connection is cut: the client sees its end
        finally:
            self.cut()

    def cut(self) -> list[asyncio.Task[None]]:
        """Reset both connections; returns what is still to end."""
        for writer in self._writers:
            end = writer.get_extra_info("socket")
            if not writer.transport.is_closing():
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        return [task for task in self._tasks if task is not asyncio.current_task()]

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: bool
    ) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                await self._passes(answers)
                await self._write(data, writer, answers)
        except OSError:
            return

    async def _write(self, data: bytes, writer: asyncio.StreamWriter, answers: bool) -> None:
        while data:
            size = len(data)
            if self._proxy.mode is Mode.SLOW:
                size = max(1, self._proxy.bytes_per_s // SLICES_PER_S)
                await asyncio.sleep(1 / SLICES_PER_S)
                await self._passes(answers)
            writer.write(data[:size])
            await writer.drain()
            data = data[size:]

    async def _passes(self, answers: bool) -> None:
        """Wait until bytes of this direction come through."""
        stops = (Mode.BLACK_HOLE, Mode.DEAF) if answers else (Mode.BLACK_HOLE,)
        while self._proxy.mode in stops:
            self.changed.clear()
            await self.changed.wait()
