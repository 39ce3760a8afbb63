"""The contract of the API, through the whole site."""

import logging
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from drsquirrel.model.report import JobList, LogList, Report
from drsquirrel.serve.pages import Rendered, RulePage, RuleRef
from drsquirrel.serve.problem import Problem
from drsquirrel.serve.site import Site

FLINK_ID = "0123456789abcdef0123456789abcdef"


def told(response: Any, status: int) -> Problem:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    problem = msgspec.json.decode(response.content, type=Problem)
    assert problem.status == status
    assert problem.title and problem.detail and problem.id
    return problem


def test_the_list_of_jobs_goes_out_as_the_bytes_that_are_stored(
    client: TestClient[Site], shelf: Any
) -> None:
    response = client.get("/api/v1/jobs")
    assert response.status_code == 200
    assert response.content == shelf.list_of_jobs.body
    assert response.headers["content-type"] == "application/json"
    assert response.headers["etag"] == '"jobs-1"'
    assert response.headers["cache-control"] == "no-cache"
    assert msgspec.json.decode(response.content, type=JobList).jobs[0].job.id == "job-1"


@pytest.mark.parametrize("of", ["jobs/job-1", "runs/run-1", f"flink-jobs/{FLINK_ID}"])
def test_one_report_is_found_by_job_by_run_and_by_flink_job(
    client: TestClient[Site], shelf: Any, of: str
) -> None:
    response = client.get(f"/api/v1/{of}/report")
    assert response.status_code == 200
    assert response.content == shelf.reports["run-1"].body
    assert msgspec.json.decode(response.content, type=Report).run.id == "run-1"


def test_the_log_lines_of_a_run_are_listed(client: TestClient[Site]) -> None:
    response = client.get("/api/v1/runs/run-1/logs")
    assert response.status_code == 200
    assert msgspec.json.decode(response.content, type=LogList).complete
    again = client.get("/api/v1/runs/run-1/logs", headers={"if-none-match": '"logs-1"'})
    assert again.status_code == 304


def test_bytes_are_not_decoded_on_the_way_out(client: TestClient[Site], shelf: Any) -> None:
    shelf.reports["run-1"] = Rendered(b"not JSON at all", "x")
    assert client.get("/api/v1/runs/run-1/report").content == b"not JSON at all"


@pytest.mark.parametrize("path", ["jobs", "jobs/job-1/report", "runs/run-1/report"])
def test_what_the_reader_has_already_is_not_sent_again(client: TestClient[Site], path: str) -> None:
    first = client.get(f"/api/v1/{path}")
    again = client.get(f"/api/v1/{path}", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == "no-cache"
    assert "content-type" not in again.headers


def test_a_new_report_is_sent_to_a_reader_of_the_old_one(
    client: TestClient[Site], shelf: Any
) -> None:
    old = client.get("/api/v1/runs/run-1/report").headers["etag"]
    shelf.reports["run-1"] = Rendered(b"{}", "run-1-b")
    response = client.get("/api/v1/runs/run-1/report", headers={"if-none-match": old})
    assert (response.status_code, response.content) == (200, b"{}")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("jobs/nobody/report", "unknown-job"),
        ("runs/nobody/report", "unknown-run"),
        ("runs/nobody/logs", "unknown-run"),
        (f"flink-jobs/{'f' * 32}/report", "unknown-flink-job"),
        ("rules/no-such-rule", "unknown-rule"),
    ],
)
def test_what_is_not_known_is_a_404_that_says_where_to_look(
    client: TestClient[Site], path: str, code: str
) -> None:
    problem = told(client.get(f"/api/v1/{path}"), 404)
    assert problem.type == f"urn:drsquirrel:problem:{code}"
    assert "/api/v1/" in problem.detail


@pytest.mark.parametrize(
    "path",
    [
        "jobs/a b/report",
        "jobs/%00/report",
        "jobs/%F0%9F%90%BF/report",
        "jobs/%ff/report",
        "jobs/a%0A/report",
        "jobs/%7Bjob%7D/report",
        f"jobs/{'a' * 65}/report",
        "runs/a;drop/report",
        "runs/a;drop/logs",
        "flink-jobs/123/report",
        f"flink-jobs/{'F' * 32}/report",
        f"flink-jobs/{'f' * 33}/report",
        "rules/Checkpoint",
        "rules/a--b",
        "rules/-a",
        f"rules/{'a' * 65}",
    ],
)
def test_what_is_no_id_is_a_400_that_does_not_repeat_it(
    client: TestClient[Site], path: str
) -> None:
    response = client.get(f"/api/v1/{path}")
    assert told(response, 400).type == "urn:drsquirrel:problem:bad-id"
    assert b"drop" not in response.content


@pytest.mark.parametrize(
    "path",
    ["/api", "/api/", "/api/v1", "/api/v2/jobs", "/api/v1/jobs/job-1", "/api/v1/jobs/a%2Fb/report"],
)
def test_an_unknown_address_of_the_api_is_a_404_and_not_the_page(
    client: TestClient[Site], path: str
) -> None:
    assert told(client.get(path), 404).type == "urn:drsquirrel:problem:no-such-address"


def test_before_the_first_list_the_answer_is_not_yet(client: TestClient[Site], shelf: Any) -> None:
    shelf.list_of_jobs = None
    response = client.get("/api/v1/jobs")
    assert told(response, 503).type == "urn:drsquirrel:problem:not-yet"
    assert response.headers["retry-after"] == "5"


def test_a_known_job_without_a_report_is_not_yet_and_not_unknown(
    client: TestClient[Site],
) -> None:
    problem = told(client.get("/api/v1/jobs/job-new/report"), 503)
    assert problem.type == "urn:drsquirrel:problem:not-yet"


def test_the_rules_are_listed_and_explained(client: TestClient[Site]) -> None:
    listed = msgspec.json.decode(client.get("/api/v1/rules").content, type=list[RuleRef])
    page = client.get(f"/api/v1/rules/{listed[0].code}")
    rule = msgspec.json.decode(page.content, type=RulePage)
    assert (rule.code, rule.kind) == (listed[0].code, listed[0].kind)
    assert (rule.thresholds[0].default, rule.thresholds[0].value) == (0.5, 0.4)
    assert page.headers["cache-control"] == "no-cache"


def test_metrics_are_prometheus_text(client: TestClient[Site]) -> None:
    response = client.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "drsquirrel_rounds_total 3\n" in response.text


def test_readiness_says_why_not_and_liveness_does_not_depend_on_it(
    client: TestClient[Site], shelf: Any
) -> None:
    assert client.get("/readyz").text == "ready\n"
    shelf.why_not = "No cluster has answered yet."
    assert told(client.get("/readyz"), 503).detail == "No cluster has answered yet."
    assert client.get("/livez").text == "alive\n"


def test_our_own_error_is_told_without_its_text_and_logged_under_its_id(
    client: TestClient[Site], shelf: Any, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.reports = None  # any use of it raises
    with caplog.at_level(logging.INFO):
        response = client.get("/api/v1/runs/run-1/report")
    problem = told(response, 500)
    assert b"NoneType" not in response.content and b"Traceback" not in response.content
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [problem.id in record.getMessage() for record in errors] == [True]
    assert errors[0].exc_info is not None and errors[0].exc_info[0] is AttributeError


def test_the_log_line_of_a_problem_cannot_be_forged(
    client: TestClient[Site], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="drsquirrel.serve.problem"):
        problem = told(client.get("/api/v1/jobs/x%0Aroot%20logged%20in%1B[2J/report"), 400)
    (line,) = [r.getMessage() for r in caplog.records if problem.id in r.getMessage()]
    assert "\n" not in line and "\x1b" not in line
