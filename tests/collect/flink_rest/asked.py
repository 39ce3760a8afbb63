"""Servers that misbehave, and what asking them once comes to."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from drsquirrel.collect.flink_rest import error
from drsquirrel.collect.flink_rest.client import FlinkClient
from drsquirrel.collect.flink_rest.settings import PollSettings
from tests.collect.flink_rest.server import Handler, serving

TLS = Path(__file__).parent / "tls"
SECRET = "s3cr3t-of-the-squirrel"
QUICK = PollSettings(request_timeout_s=0.4, response_max_bytes=1 << 20)


def answering(
    body: bytes | str,
    status: int = 200,
    *,
    kind: str = "application/json",
    encoding: str = "identity",
    location: str = "",
) -> Handler:
    """A server that answers everything so."""
    content = body.encode() if isinstance(body, str) else body
    headers = {"Content-Type": kind, "Content-Encoding": encoding, "Location": location}

    async def handle(_: web.Request) -> web.Response:
        sent = {name: value for name, value in headers.items() if value}
        return web.Response(body=content, status=status, headers=sent)

    return handle


async def refusal(handler: Handler, **options: Any) -> error.FlinkError:
    """What asking this server once comes to."""
    async with serving(handler) as url:
        return await refusal_of(url, **options)


async def refusal_of(url: str, path: str = "/config", **options: Any) -> error.FlinkError:
    async with FlinkClient(url, settings=QUICK, **options) as client:
        with pytest.raises(error.FlinkError) as caught:
            await client.get(path)
    sentence = str(caught.value)
    assert sentence.endswith((".", "?")) and "\n" not in sentence and SECRET not in sentence
    return caught.value


@asynccontextmanager
async def raw_server(said: bytes) -> AsyncIterator[str]:
    """Says some bytes to whoever connects, then closes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1")
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "server.pem", TLS / "server-key.pem")
    return context
