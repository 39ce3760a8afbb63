"""Who may ask, and the headers on every answer."""

import msgspec
import pytest
from litestar.testing import TestClient

from drsquirrel.serve.problem import Problem
from drsquirrel.serve.site import MAX_PATH_CHARS, Site

EVERYWHERE = ["/", "/assets/index-abc123.js", "/api/v1/jobs", "/api/v1/no", "/metrics", "/livez"]


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:1", "LOCALHOST:8641", "127.0.0.1:8641", "127.8.9.1", "[::1]:8641"],
)
def test_loopback_names_are_answered(client: TestClient[Site], host: str) -> None:
    assert client.get("/api/v1/jobs", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8641",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "127.0.0.1:80:80",
        "localhost.",
        "localhost:",
        "0.0.0.0",
        "192.168.1.2:8641",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "localhost, evil.example",
        "localhost\t",
        "127.0.0.\u00b9",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/v1/jobs", "/metrics"])
def test_any_other_name_is_refused_against_dns_rebinding(
    client: TestClient[Site], host: str, path: str
) -> None:
    response = client.get(path, headers={b"host": host.encode()})
    assert response.status_code == 421
    assert msgspec.json.decode(response.content, type=Problem).type.endswith(":wrong-host")


def test_two_names_are_refused(client: TestClient[Site]) -> None:
    sent = [("host", "localhost"), ("host", "evil.example")]
    assert client.get("/api/v1/jobs", headers=sent).status_code == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("path", ["/", "/api/v1/jobs", "/api/v1/nothing", "/livez"])
def test_nothing_but_reading_is_allowed(client: TestClient[Site], method: str, path: str) -> None:
    response = client.request(method, path)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", EVERYWHERE)
def test_head_gives_the_headers_of_get_and_no_body(client: TestClient[Site], path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert head.content == b"" and got.content != b""
    assert head.status_code == got.status_code
    assert dict(head.headers) == dict(got.headers)


@pytest.mark.parametrize("path", [*EVERYWHERE, "/assets/no.js"])
@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_every_answer_carries_the_security_headers(
    client: TestClient[Site], path: str, host: str
) -> None:
    headers = client.get(path, headers={"host": host}).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'self'"
    assert "style-src" not in policy
    assert "script-src" not in policy
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("prefix", ["/", "/api/v1/runs/"])
def test_a_path_beyond_the_limit_is_refused_before_anything_remembers_it(
    client: TestClient[Site], prefix: str
) -> None:
    assert client.get(prefix.ljust(MAX_PATH_CHARS, "a")).status_code != 414
    assert client.get(prefix.ljust(MAX_PATH_CHARS + 1, "a")).status_code == 414
