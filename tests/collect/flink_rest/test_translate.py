"""Numbers as Flink writes them, and ids of operators' metrics."""

import pytest

from drsquirrel.collect.flink_rest.answer import (
    IoMetrics,
    MetricValue,
    Number,
    Subtask,
    numeric,
    whole,
)
from drsquirrel.collect.flink_rest.translate import (
    container_names,
    container_values,
    io_numbers,
    merged,
    operator_names,
    operator_totals,
    operator_values,
    uptime_ms,
)
from drsquirrel.model.event import Place, Values


def subtask(index: int, attempt: int) -> Subtask:
    return Subtask(
        subtask=index, status="RUNNING", attempt=attempt, start_time=1, metrics=IoMetrics()
    )


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("12", 12),
        ("12.5", 12.5),
        (7.0, 7.0),
        ("9223372036854775807", 9223372036854775807),
        ("NaN", None),
        ("Infinity", None),
        ("-Infinity", None),
        ("-9223372036854775808", None),
        (-9.223372036854775808e18, None),
        ("true", None),
        ("", None),
        (None, None),
    ],
)
def test_a_number_is_read_as_flink_writes_it(written: Number, number: float | None) -> None:
    assert numeric(written) == number
    assert whole(written) == (None if number is None else int(number))


def io(
    pressured: Number, idle: Number, busy: Number, complete: bool = True
) -> dict[str, int | float]:
    """The numbers of a task whose records written are complete or not."""
    return io_numbers(
        IoMetrics(
            read_bytes=1,
            read_bytes_complete=True,
            write_bytes=1,
            write_bytes_complete=True,
            read_records=1,
            read_records_complete=True,
            write_records=1,
            write_records_complete=complete,
            accumulated_backpressured_time=pressured,
            accumulated_idle_time=idle,
            accumulated_busy_time=busy,
        )
    )


def test_times_count_only_where_everything_is_complete() -> None:
    whole_answer = io(1, 2, 3.0)
    assert whole_answer["accumulateBusyTimeMs"] == 3 and whole_answer["numRecordsOut"] == 1
    part = io(1, 2, 3.0, complete=False)
    assert set(part) == {"numBytesIn", "numBytesOut", "numRecordsIn"}


def test_a_busy_time_that_is_no_number_is_left_out_alone() -> None:
    assert io(1, 2, "NaN")["accumulateIdleTimeMs"] == 2
    assert "accumulateBusyTimeMs" not in io(1, 2, "NaN")


def test_three_times_of_zero_are_times_that_are_not_there_yet() -> None:
    assert set(io(0, 0, 0.0)) == {"numBytesIn", "numBytesOut", "numRecordsIn", "numRecordsOut"}


def test_only_names_that_we_read_are_asked_for() -> None:
    names = [
        "Source__a.numRecordsIn",
        "map.numRecordsIn",
        "Source__a.pendingRecords",
        "Source__a.KafkaSourceReader.KafkaConsumer.records-lag-max",
        "sink__Writer.numRecordsSend",
        "sink__Writer.numRecordsSendErrors",
        "sink__Writer.currentSendTime",
        "numRecordsIn",
        "isBackPressured",
        "Source__a.watermarkAlignmentDrift",
    ]
    assert operator_names(names) == sorted([*names[:1], *names[2:7]])


def test_collectors_are_found_and_their_total_is_not_one() -> None:
    names = [
        "Status.JVM.GarbageCollector.All.Count",
        "Status.JVM.GarbageCollector.PS_Scavenge.Count",
        "Status.JVM.GarbageCollector.PS_Scavenge.TimeMsPerSecond",
        "Status.JVM.GarbageCollector.ZGC_Major_Cycles.Time",
        "Status.JVM.Threads.Count",
    ]
    wanted = container_names(names)
    assert wanted == [names[1], names[3], names[4]]
    scopes = container_values(MetricValue(id=name, value="4") for name in wanted)
    assert {s.place.group: dict(s.values) for s in scopes} == {
        "": {"Status.JVM.Threads.Count": 4},
        "PS_Scavenge": {"Count": 4},
        "ZGC_Major_Cycles": {"Time": 4},
    }


def test_operator_values_belong_to_their_subtask_and_its_attempt() -> None:
    answer = [
        MetricValue(id="0.sink__Writer.numRecordsSend", value="10"),
        MetricValue(id="1.sink__Writer.numRecordsSend", value="11"),
        MetricValue(id="1.sink__Writer.currentSendTime", value="-1"),
        MetricValue(id="7.sink__Writer.numRecordsSend", value="12"),
        MetricValue(id="x.sink__Writer.numRecordsSend", value="13"),
    ]
    found = operator_values(answer, "v", {0: subtask(0, 3), 1: subtask(1, 4)})
    assert [(s.subtask, v.place.attempt, v.place.operator, dict(v.values)) for s, v in found] == [
        (0, 3, "sink__Writer", {"numRecordsSend": 10}),
        (1, 4, "sink__Writer", {"numRecordsSend": 11}),
    ]


def test_of_a_whole_operator_counts_are_summed_and_lags_are_the_highest() -> None:
    answer = [
        MetricValue(id="Source__a.pendingRecords", sum=300.0, max=200.0),
        MetricValue(id="Source__a.currentEmitEventTimeLag", sum=900.0, max=500.0),
        MetricValue(id="Source__a.numRecordsIn", sum="NaN", max="NaN"),
        MetricValue(id="isBackPressured"),
    ]
    [found] = operator_totals(answer, "v", [subtask(0, 3), subtask(1, 4)])
    assert (found.place.subtask, found.place.attempt) == (-1, 7)
    assert found.values == {"pendingRecords": 300.0, "currentEmitEventTimeLag": 500.0}


@pytest.mark.parametrize(("written", "told"), [("4000", 4000), ("0", None), ("-1", None)])
def test_an_uptime_of_zero_or_less_is_none(written: str, told: int | None) -> None:
    assert uptime_ms([MetricValue(id="uptime", value=written)]) == told


def test_scopes_are_merged_and_empty_ones_left_out() -> None:
    scopes = [
        Values({"a": 1}, Place("v", 0)),
        Values({}, Place("v", 1)),
        Values({"b": 2}, Place("v", 0)),
    ]
    assert merged(scopes) == (Values({"a": 1, "b": 2}, Place("v", 0)),)
