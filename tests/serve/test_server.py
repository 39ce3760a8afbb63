"""The server on a real socket: start, requests, stop, and the ports that cannot be had."""

import asyncio
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from drsquirrel.serve.server import CONNECTIONS, SILENT_MS, ListenError, listen, serve, url


def ipv6_is_there() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


IPV6 = pytest.mark.skipif(not ipv6_is_there(), reason="this machine has no IPv6")


@asynccontextmanager
async def served(shelf: Any, page_dir: Path) -> AsyncIterator[int]:
    listening = listen("127.0.0.1", 0)
    port: int = listening.getsockname()[1]
    stop = asyncio.Event()
    task = asyncio.create_task(
        serve(shelf, shelf, listening=listening, page_dir=page_dir, stop=stop)
    )
    try:
        yield port
    finally:
        stop.set()
        await asyncio.wait_for(task, 2)


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


def get(path: str, *headers: str, method: str = "GET") -> bytes:
    lines = (f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers)
    return "\r\n".join((*lines, "", "")).encode("latin-1")


async def test_a_report_goes_over_a_real_socket_and_is_not_sent_twice(
    shelf: Any, page_dir: Path
) -> None:
    async with served(shelf, page_dir) as port:
        head, body = (await ask(port, get("/api/v1/runs/run-1/report"))).split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 200 ") and body == shelf.reports["run-1"].body
        assert b'etag: "run-1-a"' in head
        again = await ask(port, get("/api/v1/runs/run-1/report", 'If-None-Match: "run-1-a"'))
        assert again.startswith(b"HTTP/1.1 304 ") and again.endswith(b"\r\n\r\n")
        head_only = await ask(port, get("/", method="HEAD"))
        assert head_only.startswith(b"HTTP/1.1 200 ") and head_only.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "request_bytes",
    [
        get("/api/v1/jobs/%ff%fe/report"),
        get("/api/v1/jobs/%zz/report"),
        get("/%"),
        get("/api/v1/nothing?\x80"),
        get("/api/v1/jobs?" + "a=%ff&" * 1000),
        get("/api/v1/jobs", "Cookie: \xff=\xfe;;;=", "If-None-Match: \xff", "Accept: \x80/"),
        get("/api/v1/jobs", "Content-Type: application/json", "Content-Length: 3") + b"{{{",
        get("/api/v1/jobs", "X-Forwarded-Host: evil", "Range: bytes=-1", "Accept-Encoding: x"),
        get("http://evil.example/api/v1/jobs"),
        get("/" + "a" * 100_000),
        get("/", "X: " + "a" * 100_000),
        get("*", method="OPTIONS"),
        get("/", method="\u00e9"),
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is TLS \r\n\r\n",
        b"\x00" * 1000 + b"\r\n\r\n",
    ],
    ids=repr,
)
async def test_no_bytes_on_the_socket_are_answered_with_a_500(
    shelf: Any, page_dir: Path, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(shelf, page_dir) as port:
        answer = await ask(port, request_bytes)
        assert not answer.startswith(b"HTTP/1.1 5") and not answer.startswith(b"HTTP/1.0 5")
        assert (await ask(port, get("/livez"))).endswith(b"alive\n")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HT", b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"], ids=repr
)
async def test_it_stops_within_two_seconds_whatever_clients_are_open(
    shelf: Any, page_dir: Path, sent: bytes
) -> None:
    async with served(shelf, page_dir) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        await writer.drain()
        await ask(port, get("/livez"))
        began = time.monotonic()
    assert time.monotonic() - began < 2
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    writer.close()


async def test_idle_connections_keep_nobody_out_and_are_closed(shelf: Any, page_dir: Path) -> None:
    async with served(shelf, page_dir) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS - 12)]
        assert (await ask(port, get("/livez"))).endswith(b"alive\n")
        began = time.monotonic()
        await asyncio.wait_for(asyncio.gather(*(reader.read() for reader, _ in idle)), 20)
        assert time.monotonic() - began < 2 * SILENT_MS / 1000
        for _, writer in idle:
            writer.close()


async def test_cancelling_the_task_closes_the_port(shelf: Any, page_dir: Path) -> None:
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    task = asyncio.create_task(
        serve(shelf, shelf, listening=listening, page_dir=page_dir, stop=asyncio.Event())
    )
    assert (await ask(port, get("/livez"))).endswith(b"alive\n")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_serving_leaves_our_own_log_as_it_was(shelf: Any, page_dir: Path) -> None:
    handler = logging.StreamHandler()
    logging.getLogger().addHandler(handler)
    before = logging.getLogger().handlers[:]
    try:
        async with served(shelf, page_dir) as port:
            await ask(port, get("/livez"))
        assert logging.getLogger().handlers == before
        assert logging.getLogger("_granian").handlers == []
        assert handler in [reference() for reference in logging._handlerList]  # type: ignore[attr-defined]
    finally:
        logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "192.168.1.2", "8.8.8.8", "::ffff:127.0.0.1", "myhost", "", "localhost.x"],
)
def test_an_address_other_machines_can_reach_is_refused(host: str) -> None:
    with pytest.raises(ListenError, match=r"listens on this machine only.*SSH tunnel"):
        listen(host, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", pytest.param("::1", marks=IPV6)])
def test_port_zero_takes_a_free_port_and_the_url_tells_which(host: str) -> None:
    with listen(host, 0) as listening:
        port = listening.getsockname()[1]
        assert port > 0
        assert url(listening).endswith(f":{port}")
        with socket.create_connection((listening.getsockname()[0], port), timeout=2):
            pass


@IPV6
def test_an_ipv6_url_has_brackets() -> None:
    with listen("::1", 0) as listening:
        assert url(listening).startswith("http://[::1]:")


async def test_a_port_in_use_is_told_even_if_it_is_used_by_another_of_us(
    shelf: Any, page_dir: Path
) -> None:
    async with served(shelf, page_dir) as port:
        with pytest.raises(ListenError, match=rf"Port {port} is in use.*Choose another"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_a_number_that_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(ListenError, match="is no port"):
        listen("127.0.0.1", port)


async def test_a_port_is_free_again_right_after_the_stop(shelf: Any, page_dir: Path) -> None:
    async with served(shelf, page_dir) as port:
        await ask(port, get("/livez"))
    with listen("127.0.0.1", port) as again:
        assert url(again) == f"http://127.0.0.1:{port}"


async def test_signals_are_left_to_the_program(shelf: Any, page_dir: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with served(shelf, page_dir) as port:
        await ask(port, get("/livez"))
        during = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert during == before
