"""The page's files."""

from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from drsquirrel.serve.files import read
from drsquirrel.serve.site import Site


@pytest.mark.parametrize("path", ["/", "/index.html", "/jobs/job-1", "/a/b?tab=checks", "/apis"])
def test_every_route_of_the_page_gives_the_page(client: TestClient[Site], path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert "Dr. Squirrel" in response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"


def test_hashed_files_are_kept_for_ever_and_others_asked_for_again(
    client: TestClient[Site],
) -> None:
    script = client.get("/assets/index-abc123.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    icon = client.get("/favicon.svg")
    assert icon.headers["content-type"] == "image/svg+xml"
    assert icon.headers["cache-control"] == "no-cache"


def test_a_file_the_reader_has_is_not_sent_again(client: TestClient[Site]) -> None:
    tag = client.get("/").headers["etag"]
    response = client.get("/", headers={"if-none-match": tag})
    assert (response.status_code, response.content) == (304, b"")


def test_a_missing_script_is_a_404_and_not_the_page(client: TestClient[Site]) -> None:
    response = client.get("/assets/index-old.js")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/..%5csecret.txt",
        "/assets/..%5c..%5csecret.txt",
        "/index.html%00.js",
        "/link.txt",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/C:/Windows/win.ini",
        "/file:///etc/passwd",
    ],
)
def test_no_path_of_a_request_reaches_the_file_system(client: TestClient[Site], path: str) -> None:
    response = client.get(path)
    assert response.status_code in (200, 404)
    assert "canary" not in response.text and "root:" not in response.text


def test_only_the_files_of_the_page_are_in_the_map(page_dir: Path) -> None:
    assert set(read(page_dir)) == {"/index.html", "/favicon.svg", "/assets/index-abc123.js"}


def test_without_a_built_page_it_is_said_how_to_build_it(shelf: Any, tmp_path: Path) -> None:
    with TestClient(Site(shelf, shelf, tmp_path / "none"), base_url="http://127.0.0.1") as client:
        response = client.get("/")
        assert response.status_code == 503
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        assert "make run" in response.text
        assert client.get("/api/v1/jobs").status_code == 200
