"""Whatever stands at the address: one clear sentence, nothing followed, no secret told."""

import asyncio
import gzip
import json
import socket
import time

import pytest
from aiohttp import web

from drsquirrel.collect.flink_rest import error
from drsquirrel.collect.flink_rest.client import FlinkClient
from tests.collect.flink_rest.asked import (
    QUICK,
    SECRET,
    answering,
    raw_server,
    refusal,
    refusal_of,
)
from tests.collect.flink_rest.server import serving


async def test_an_answer_comes_decoded_and_is_counted() -> None:
    async with serving(answering('{"flink-version": "2.3.0"}')) as url, FlinkClient(url) as client:
        assert await client.get("/config") == {"flink-version": "2.3.0"}
        assert await client.get("/overview") == {"flink-version": "2.3.0"}
        assert client.requests == 2
        assert client.received_bytes == 52


async def test_nothing_leaves_the_client_unredacted() -> None:
    handler = answering(f'{{"password": "{SECRET}"}}')
    async with serving(handler) as url, FlinkClient(url) as client:
        assert await client.get("/jobmanager/config") == {"password": "•••• (redacted: key)"}


async def test_an_error_message_of_flink_is_redacted_too() -> None:
    said = '{"errors":["java.io.IOException: jdbc://u:p@h\\n\\tat x"]}'
    found = await refusal(answering(said, 500))
    assert "java.io.IOException: jdbc://••••" in str(found)
    assert "u:p" not in str(found) and "at x" not in str(found)


async def test_an_answer_of_too_many_items_to_look_through_is_not_used() -> None:
    found = await refusal(answering(f'["password=x"{",1" * 300_000}]'))
    assert isinstance(found, error.BadAnswerError)
    assert "cannot be looked for" in str(found)


async def test_where_a_redirect_leads_to_is_told_without_its_secret() -> None:
    async def away(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"http://x/?token={SECRET}"})

    found = await refusal(away)
    assert isinstance(found, error.RedirectRefusedError)
    assert "http://x/?token=••••" in str(found) and SECRET not in str(found)


async def test_a_long_answer_is_decoded_beside_the_event_loop() -> None:
    handler = answering(json.dumps([{"stacktrace": "password=x " * 200_000}]))
    async with serving(handler) as url, FlinkClient(url) as client:
        asked = asyncio.create_task(client.get("/jobmanager/config"))
        longest_s, before = 0.0, time.monotonic()
        while not asked.done():
            await asyncio.sleep(0.01)
            longest_s, before = max(longest_s, time.monotonic() - before), time.monotonic()
        [found] = await asked
    assert longest_s < 0.25
    assert "password=x" not in found["stacktrace"]


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
    found = await refusal(answering(bomb, encoding="gzip"))
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
    found = await refusal(answering(body, kind="text/html"))
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
        location = f"{other}/config"
        handler = answering("", 302, location=location)
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


async def test_a_path_before_the_api_is_kept() -> None:
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(text="{}")

    async with serving(handle) as url, FlinkClient(f"{url}/proxy/application_1/") as client:
        await client.get("/config")
    assert seen == ["/proxy/application_1/config"]


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
