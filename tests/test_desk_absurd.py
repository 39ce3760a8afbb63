"""No message ends the judging, or leads to what the store cannot hold."""

from collections.abc import Callable

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.desk import Desk
from drsquirrel.model.event import (
    ChangeEvent,
    CheckpointEvent,
    Event,
    LogEvent,
    Message,
    MetricReport,
    Origin,
)
from drsquirrel.model.report import Report
from drsquirrel.rules.load import load
from tests.diagnose.seen import CLUSTER, JOB, NOON_MS, STEP_S

RULES = load()
FAR = [0, -1, 10**15, -(10**15), 10**17, 10**30, -(10**30)]
AT_MS = st.sampled_from([*FAR, NOON_MS, NOON_MS + 3_600_000, NOON_MS + 7_200_000]) | st.integers()


def absurd(make: Callable[[Origin, int], Event]) -> st.SearchStrategy[Event]:
    origins = st.builds(
        Origin,
        cluster=st.just(CLUSTER),
        producer=st.just("plugin"),
        epoch=st.sampled_from(["p", "q"]),
        sequence=st.integers(),
        container=st.sampled_from(["", "", "tm-1", "c" * 5_000]),
        flink_version=st.sampled_from(["", "2.3.0"]),
    )
    return st.builds(make, origins, AT_MS)


MESSAGES = st.one_of(
    absurd(lambda o, ms: MetricReport(origin=o, time_ms=ms, job=JOB)),
    absurd(lambda o, ms: MetricReport(origin=o, time_ms=ms, job=JOB, start_ms=ms)),
    absurd(lambda o, ms: MetricReport(origin=o, time_ms=ms)),
    absurd(lambda o, ms: ChangeEvent(origin=o, time_ms=ms, job=JOB, what="run-ended")),
    absurd(
        lambda o, ms: ChangeEvent(
            origin=o, time_ms=ms, job=JOB, what="job-state", subject="FINISHED", start_ms=ms
        )
    ),
    absurd(
        lambda o, ms: CheckpointEvent(
            origin=o, time_ms=ms, job=JOB, id=ms, status="COMPLETED", ended_ms=ms, duration_ms=ms
        )
    ),
    absurd(
        lambda o, ms: LogEvent(
            origin=o, time_ms=ms, job=JOB, level="WARN", logger="l", message="m", count=ms
        )
    ),
)


@settings(max_examples=300)
@given(st.lists(st.tuples(AT_MS, MESSAGES), max_size=6))
def test_no_message_however_absurd_ends_the_judging(found: list[tuple[int, Message]]) -> None:
    desk, now_ms = Desk(RULES), NOON_MS + 7_200_000
    desk.add_cluster(CLUSTER, STEP_S * 1000, False, asks_rest=False)
    for number in range(3):
        for event in desk.hear(CLUSTER, found if number < 2 else [], now_ms + number * 40_000):
            assert abs(event.time_ms) < 2**63, "the store holds 64 bits"
            assert event.time_ms <= now_ms + 200_000
        for run in desk.judge(CLUSTER, now_ms + number * 40_000):
            assert isinstance(run.report, Report)
            assert abs(run.seen.start_ms) < 2**63 and abs(run.seen.end_ms or 0) < 2**63
            msgspec.json.encode(run.report)
        for snapshot in desk.snapshots(now_ms + number * 40_000):
            assert abs(snapshot.subject.start_ms) < 2**63
            msgspec.json.encode(snapshot)
        desk.take(CLUSTER, Round(arrival_ms=now_ms + number * 40_000, answered=False))
