"""Only what we read can be asked for, and nothing that Flink would refuse for its length."""

import pytest

from drsquirrel.collect.flink_rest.address import (
    base_url,
    checked_path,
    metric_queries,
    told,
)
from drsquirrel.collect.flink_rest.error import AddressError, RequestRefusedError

JOB = "ab" * 16
VERTEX = "0123456789abcdef" * 2
FLINK_REQUEST_LINE_BYTES = 4096


@pytest.mark.parametrize(
    "path",
    [
        "/config",
        "/jobs/overview",
        f"/jobs/{JOB}",
        f"/jobs/{JOB}/vertices/{VERTEX}",
        f"/jobs/{JOB}/checkpoints/details/17/subtasks/{VERTEX}",
        f"/jobs/{JOB}/metrics?get=numRestarts,uptime",
        f"/jobs/{JOB}/vertices/{VERTEX}/metrics?get=0.Source__a%20b.numRecordsIn",
        f"/jobs/{JOB}/vertices/{VERTEX}/subtasks/metrics?get=x.numRecordsSend&agg=sum,max",
        "/taskmanagers/127.0.0.1:41867-690b93/metrics",
        "/taskmanagers/container_e01_1700000000000_0001_01_000002/metrics",
        "/taskmanagers/my-session-taskmanager-1-1/thread-dump",
        "/taskmanagers/[::1]:41867-690b93/metrics",
    ],
)
def test_what_we_read_is_allowed(path: str) -> None:
    assert checked_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "config",
        "//config",
        "/jars/upload",
        "/cluster",
        "/jobmanager/logs",
        f"/jobs/{JOB}/",
        f"/jobs/{JOB}?x=1",
        f"/jobs/{JOB}\n",
        f"/jobs/{JOB.upper()}",
        f"/jobs/{JOB}/vertices/{VERTEX}/backpressure",
        f"/jobs/{JOB}/vertices/{VERTEX}/flamegraph",
        f"/jobs/{JOB}/checkpoints/details/-1",
        "/jobs/../jars",
        "/jobs/%2e%2e/jars",
        "/taskmanagers/..%252f..%252fjars/metrics",
        "/taskmanagers/../metrics",
        "/taskmanagers/a/b/metrics",
        "/taskmanagers/a?b/metrics",
        f"/jobs/{JOB}/metrics?get=a&jobs=b",
        f"/jobs/{JOB}/metrics?get=a b",
        "/jobmanager/metrics?get=" + "a" * 4_000,
        "http://169.254.169.254/config",
        "@169.254.169.254/config",
    ],
)
def test_everything_else_is_refused_here(path: str) -> None:
    with pytest.raises(RequestRefusedError):
        checked_path(path)


@pytest.mark.parametrize("count", [1, 100, 5_000])
def test_no_request_line_is_longer_than_flink_takes(count: int) -> None:
    path = f"/jobs/{JOB}/vertices/{VERTEX}/metrics"
    names = [f"{i}.Sink: ünsafe name, of an operator.numRecordsSend" for i in range(count)]
    queries = metric_queries(path, names, "sum,max")
    asked = sum(q.count("numRecordsSend") for q in queries)
    assert asked == count
    for query in queries:
        assert checked_path(query)
        assert len(f"GET {query} HTTP/1.1\r\n") <= FLINK_REQUEST_LINE_BYTES


def test_a_name_that_fits_into_no_request_is_left_out() -> None:
    assert metric_queries("/jobmanager/metrics", ["a" * 4_000]) == []


@pytest.mark.parametrize(
    ("address", "base"),
    [
        ("http://host:8081", "http://host:8081"),
        ("http://host:8081/", "http://host:8081"),
        (" https://host/proxy/application_1/ ", "https://host/proxy/application_1"),
        ("http://[::1]:8081", "http://[::1]:8081"),
    ],
)
def test_an_address_is_taken_without_its_last_slash(address: str, base: str) -> None:
    assert base_url(address) == base


@pytest.mark.parametrize(
    "address",
    [
        "",
        "host:8081",
        "localhost",
        "ftp://host",
        "file:///etc/passwd",
        "gopher://host",
        "http://",
        "http://host:99999",
        "http://host:x",
        "http://host:0",
        "http://host/?a=b",
        "http://host/#jobs",
        "http://host/a/../b",
        "http://ho st:8081",
        "http://user:pass@host:8081",
        "http://[::1",
    ],
)
def test_an_address_that_can_not_be_flinks_is_refused_with_one_sentence(address: str) -> None:
    with pytest.raises(AddressError) as caught:
        base_url(address)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "http://ann:hunter2@host:99999",
        "http://ann:hunter2@host:8081",
        "http:/ann:hunter2@host",
        "ftp://ann:hunter2@host",
        "http://ann:hun/ter2@host:x",
        "http://[ann:hunter2@host",
        "http://ann:hun#ter2@host",
        "http://ann:hun@ter2@host:x",
        "http://ann:hunter2\u2100@host",
        "ann:hunter2@host:8081",
        "HTTP:ann:hunter2@host",
        "hunter2:/ann@host",
        "http:/ann:\nhunter2@host",
    ],
)
def test_a_password_in_an_address_is_in_no_sentence(address: str) -> None:
    with pytest.raises(AddressError) as caught:
        base_url(address)
    assert "hun" not in str(caught.value) and "ter2" not in str(caught.value)


def test_an_address_is_told_from_its_last_at_on() -> None:
    assert told("http:/ann:hunter2@host:8081") == "http:/…@host:8081"
    assert told("nothing-here") == "nothing-here"
