"""Whatever stands at the address: one clear sentence, nothing followed, no secret told."""

import asyncio
import gzip
import logging
import socket
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


def answering(body: bytes | str, status: int = 200, **headers: str) -> Handler:
    content = body.encode() if isinstance(body, str) else body
    kind = {"Content-Type": "application/json", **headers}

    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=content, status=status, headers=kind)

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


async def test_an_answer_comes_decoded_and_is_counted() -> None:
    async with serving(answering('{"flink-version": "2.3.0"}')) as url, FlinkClient(url) as client:
        assert await client.get("/config") == {"flink-version": "2.3.0"}
        assert await client.get("/overview") == {"flink-version": "2.3.0"}
        assert client.requests == 2
        assert client.received_bytes == 52


async def test_nothing_leaves_the_client_unredacted() -> None:
    def redact(path: str, answer: Any) -> Any:
        return {"asked": path} if answer == {"password": SECRET} else "other"

    handler = answering(f'{{"password": "{SECRET}"}}')
    async with serving(handler) as url, FlinkClient(url, redact=redact) as client:
        assert await client.get("/jobmanager/config") == {"asked": "/jobmanager/config"}


async def test_an_error_message_of_flink_is_redacted_too() -> None:
    said = '{"errors":["java.io.IOException: jdbc://u:p@h\\n\\tat x"]}'
    found = await refusal(answering(said, 500), redact=lambda _, text: text.replace("u:p", "••"))
    assert "java.io.IOException: jdbc://••@h" in str(found)
    assert "at x" not in str(found)


async def test_a_closed_port_is_said_to_be_refused() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        found = await refusal_of(url)
    assert isinstance(found, error.UnreachableError)
    assert f"Cannot reach {url}" in str(found) and "refused" in str(found)


async def test_a_host_that_does_not_exist_is_said_to_be_unreachable() -> None:
    found = await refusal_of("http://no-such-host.invalid:8081")
    assert isinstance(found, error.UnreachableError)
    assert "no-such-host.invalid" in str(found)


async def test_a_server_that_never_answers_is_given_up_in_time() -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    found = await asyncio.wait_for(refusal(hang), timeout=3)
    assert isinstance(found, error.TimedOutError)
    assert "0.4 s" in str(found)


async def test_an_answer_that_drips_for_ever_is_given_up_in_time() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b"[")
            await asyncio.sleep(0.05)
        return response

    assert isinstance(await asyncio.wait_for(refusal(drip), timeout=3), error.TimedOutError)


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    written = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        while written < 1 << 30:
            await response.write(b"[" * (1 << 16))
            written += 1 << 16
        return response

    found = await refusal(flood)
    assert isinstance(found, error.BadAnswerError)
    assert "more than 1 MiB" in str(found)
    assert written < 64 << 20


async def test_an_endless_error_page_is_not_read_to_its_end() -> None:
    found = await refusal(answering(b"x" * (8 << 20), 500))
    assert isinstance(found, error.StatusError)


async def test_a_compressed_answer_is_refused_before_it_is_unpacked() -> None:
    bomb = gzip.compress(b"[" * (10 << 20))
    found = await refusal(answering(bomb, **{"Content-Encoding": "gzip"}))
    assert isinstance(found, error.BadAnswerError)
    assert "compresses" in str(found)


async def test_json_nested_a_hundred_thousand_deep_is_refused() -> None:
    found = await refusal(answering(b"[" * 100_000 + b"]" * 100_000))
    assert isinstance(found, error.BadAnswerError)
    assert "too deep" in str(found)


@pytest.mark.parametrize("body", [b'{"jobs": [', b'{"a": NaN}', b'{"a": "\xff"}', b"[1e999999]"])
async def test_json_that_is_broken_or_cut_off_is_said_to_be(body: bytes) -> None:
    found = await refusal(answering(body))
    assert isinstance(found, error.BadAnswerError)
    assert "broken or cut off" in str(found)


async def test_a_body_shorter_than_announced_is_said_to_be_cut_off() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n"
    async with raw_server(head + b'{"jobs": []') as url:
        found = await refusal_of(url)
    assert isinstance(found, error.BadAnswerError)
    assert "cut" in str(found)


@pytest.mark.parametrize("body", ["<!doctype html><title>Log in</title>", "OK", "", "Hello"])
async def test_a_page_instead_of_json_is_said_not_to_be_flink(body: str) -> None:
    found = await refusal(answering(body, **{"Content-Type": "text/html"}))
    assert isinstance(found, error.NotFlinkError)
    assert "another service" in str(found)


async def test_another_protocol_is_said_not_to_be_flink() -> None:
    async with raw_server(b"SSH-2.0-OpenSSH_9.2\r\n" * 3) as url:
        assert isinstance(await refusal_of(url), error.NotFlinkError)


async def test_a_server_that_closes_at_once_is_said_to_be_unreachable() -> None:
    async with raw_server(b"") as url:
        found = await refusal_of(url)
    assert isinstance(found, error.UnreachableError)
    assert "closed the connection" in str(found)


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (401, error.CredentialsError, "user and password"),
        (403, error.CredentialsError, "token"),
        (404, error.GoneError, "does not know"),
        (500, error.StatusError, "HTTP 500"),
        (503, error.StatusError, "HTTP 503"),
    ],
)
async def test_an_http_status_says_what_to_do(
    status: int, kind: type[error.FlinkError], hint: str
) -> None:
    found = await refusal(answering("", status))
    assert type(found) is kind
    assert hint in str(found)


async def test_a_redirect_is_refused_and_the_credentials_stay_here() -> None:
    seen: list[web.Request] = []

    async def elsewhere(request: web.Request) -> web.Response:
        seen.append(request)
        return web.Response(text="{}")

    async with serving(elsewhere) as other:
        location = f"{other}/config\n"
        handler = answering("", 302, Location=location.strip())
        found = await refusal(handler, token=SECRET)
    assert isinstance(found, error.RedirectRefusedError)
    assert other in str(found)
    assert seen == []


async def test_an_answer_sets_no_cookie_and_a_proxy_of_the_environment_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    cookies: list[dict[str, str]] = []

    async def handle(request: web.Request) -> web.Response:
        cookies.append(dict(request.cookies))
        return web.Response(text="{}", headers={"Set-Cookie": "spy=1"})

    async with serving(handle) as url, FlinkClient(url) as client:
        await client.get("/config")
        await client.get("/config")
    assert cookies == [{}, {}]


async def test_only_get_is_sent_and_nothing_that_is_not_on_the_list() -> None:
    methods: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        methods.append(request.method)
        return web.Response(text="{}")

    async with serving(handle) as url, FlinkClient(url) as client:
        await client.get("/jobs/overview")
        for path in ("/jars/upload", "/jobs/../jars", "/cluster", "/jobs/x", ""):
            with pytest.raises(error.RequestRefusedError):
                await client.get(path)
    assert methods == ["GET"]


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
    options: dict[str, str],
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


async def test_a_path_before_the_api_is_kept() -> None:
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(text="{}")

    async with serving(handle) as url, FlinkClient(f"{url}/proxy/application_1/") as client:
        await client.get("/config")
    assert seen == ["/proxy/application_1/config"]


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


async def test_no_more_than_two_requests_are_in_flight_and_waiting_is_not_timed() -> None:
    open_now = most = 0

    async def handle(_: web.Request) -> web.Response:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0.1)
        open_now -= 1
        return web.Response(text="{}")

    async with serving(handle) as url, FlinkClient(url, settings=QUICK) as client:
        await asyncio.gather(*(client.get("/config") for _ in range(12)))
    assert most == 2
