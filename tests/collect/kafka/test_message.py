"""What one message says, whatever is in it that nobody reads."""

import pytest
from msgspec.structs import replace

from drsquirrel.collect.kafka.message import APPLICATIONS, Refusal, examined, may_speak
from drsquirrel.collect.redaction import Redaction
from drsquirrel.model.event import LogEvent, MetricReport, encoder
from drsquirrel.model.facts import NAME_CHARACTERS
from tests.watch.made import NOON_MS, origin, report

SAID = encoder.encode(report(1, NOON_MS))[:-1]


@pytest.mark.parametrize(
    "more",
    [
        b',"password":"\xff"}',
        b',"pass\xffword":"x"}',
        b',"password":1e9999}',
        b',"token":' + b"9" * 5_000 + b"}",
    ],
)
def test_what_is_broken_where_nobody_reads_is_refused_and_raises_nothing(more: bytes) -> None:
    assert examined(SAID + more, None, Redaction()) == Refusal("malformed")


@pytest.mark.parametrize(
    "told",
    [
        'logged in with "p\\u0061ssword=hunter22"',
        "GET https:\\/\\/bob:hunter22@host\\/",
        "see\\nsig=hunter22",
        "see\\u000asig=hunter22",
    ],
)
def test_a_secret_is_found_whatever_of_it_is_escaped(told: str) -> None:
    line = LogEvent(
        origin=origin(1), time_ms=NOON_MS, job="j", level="WARN", logger="a.B", message="MARK"
    )
    value = encoder.encode(line).replace(b"MARK", told.replace('"', '\\"').encode())
    found = examined(value, None, Redaction())
    assert isinstance(found, LogEvent) and "redacted" in found.message
    assert "hunter22" not in found.message and Redaction().suspects([SAID, value])


def test_any_cluster_may_speak_where_none_is_bound() -> None:
    assert isinstance(examined(SAID + b"}", None, Redaction()), MetricReport)
    assert examined(SAID + b"}", {"other"}, Redaction()) == Refusal("another cluster", "prod")


@pytest.mark.parametrize(
    ("cluster", "may"),
    [
        ("application_1410901177871_0001", True),
        ("prod", True),
        ("other", False),
        ("application_1410901177871_0001x", False),
        ("an application_1410901177871_0001", False),
        (APPLICATIONS, True),
    ],
)
def test_where_applications_may_speak_each_may_and_nobody_else(cluster: str, may: bool) -> None:
    assert may_speak(cluster, {"prod", APPLICATIONS}) is may
    assert may_speak(cluster, {"prod"}) is (cluster == "prod")
    told = report()
    value = encoder.encode(replace(told, origin=replace(told.origin, cluster=cluster)))
    found = examined(value, {"prod", APPLICATIONS}, None)
    assert isinstance(found, MetricReport) is may


@pytest.mark.parametrize("name", ["cluster", "container", "epoch", "flink_version", "job"])
def test_what_is_named_at_any_length_is_refused(name: str) -> None:
    for long, is_refused in (("x" * NAME_CHARACTERS, False), ("x" * (NAME_CHARACTERS + 1), True)):
        told = report(job=long) if name == "job" else report()
        if name != "job":
            told = replace(told, origin=replace(told.origin, **{name: long}))
        found = examined(encoder.encode(told), None, None)
        assert found == (Refusal("too long a name") if is_refused else told)
