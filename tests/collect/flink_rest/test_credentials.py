"""Credentials and TLS: they work, they are explained, and they are told to nobody else."""

import logging
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from drsquirrel.collect.flink_rest import error
from drsquirrel.collect.flink_rest.client import FlinkClient
from tests.collect.flink_rest.asked import (
    QUICK,
    SECRET,
    TLS,
    answering,
    raw_server,
    refusal_of,
    server_tls,
)
from tests.collect.flink_rest.server import serving


async def test_basic_credentials_are_sent_and_appear_nowhere_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        return web.Response(status=500)

    async with serving(handle) as url:
        client = FlinkClient(url, user="squirrel", password=SECRET, settings=QUICK)
        async with client:
            with pytest.raises(error.StatusError) as caught:
                await client.get("/config")
    [sent] = seen
    assert sent.startswith("Basic ")
    for text in (repr(client), str(caught.value), repr(caught.value), caplog.text):
        assert SECRET not in text and sent.removeprefix("Basic ") not in text


async def test_a_bearer_token_is_sent() -> None:
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        return web.Response(text="{}")

    async with serving(handle) as url, FlinkClient(url, token=SECRET) as client:
        await client.get("/config")
    assert seen == [f"Bearer {SECRET}"]


@pytest.mark.parametrize(
    "options",
    [
        {"user": "a", "password": SECRET, "token": SECRET},
        {"password": SECRET},
        {"user": "a:b", "password": SECRET},
        {"token": f"{SECRET}\r\nX-Injected: 1"},
        {"token": f"{SECRET} ü"},
    ],
)
def test_credentials_that_can_not_be_sent_are_refused_without_telling_them(
    options: dict[str, Any],
) -> None:
    with pytest.raises(error.AddressError) as caught:
        FlinkClient("http://localhost:8081", **options)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("address", [f"http://me:{SECRET}@host:8081", f"http://{SECRET}@host"])
def test_credentials_in_the_address_are_refused_without_telling_them(address: str) -> None:
    with pytest.raises(error.AddressError) as caught:
        FlinkClient(address)
    assert SECRET not in str(caught.value)
    assert "settings" in str(caught.value)


async def test_tls_with_a_ca_file_works() -> None:
    ca_file = TLS / "ca.pem"
    async with (
        serving(answering("{}"), server_tls()) as url,
        FlinkClient(url, ca_file=ca_file) as c,
    ):
        assert await c.get("/config") == {}


async def test_an_unknown_authority_is_said_to_need_a_ca_file() -> None:
    async with serving(answering("{}"), server_tls()) as url:
        found = await refusal_of(url)
    assert isinstance(found, error.TlsError)
    assert "CA file" in str(found)


async def test_another_host_name_than_the_certificate_says_is_refused() -> None:
    async with serving(answering("{}"), server_tls()) as url:
        address = url.replace("localhost", "127.0.0.1")
        found = await refusal_of(address, ca_file=TLS / "ca.pem")
    assert isinstance(found, error.TlsError)
    assert "host name" in str(found)


async def test_https_to_a_port_without_tls_is_said_to_need_http() -> None:
    async with serving(answering("{}")) as url:
        found = await refusal_of(url.replace("http:", "https:"))
    assert isinstance(found, error.TlsError)
    assert "http://" in str(found)


async def test_a_handshake_that_breaks_off_is_said_to() -> None:
    async with raw_server(b"") as url:
        found = await refusal_of(url.replace("http:", "https:"))
    assert isinstance(found, error.TlsError | error.UnreachableError)
    assert url.partition("//")[2] in str(found)


async def test_http_to_a_port_with_tls_is_said_to_need_https() -> None:
    async with serving(answering("{}"), server_tls()) as url:
        found = await refusal_of(url.replace("https:", "http:"))
    assert "https://" in str(found)


@pytest.mark.parametrize("content", ["", "no certificate"])
def test_a_ca_file_without_certificates_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(content)
    with pytest.raises(error.AddressError, match="PEM"):
        FlinkClient("https://host", ca_file=file)


def test_a_ca_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(error.AddressError, match="no such file"):
        FlinkClient("https://host", ca_file=tmp_path / "ca.pem")
