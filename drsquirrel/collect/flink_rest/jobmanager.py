"""What is known of the JobManager between rounds: which process it is, and its own metrics."""

import re
from collections.abc import Iterable, Mapping

from msgspec import structs

from drsquirrel.collect.flink_rest.answer import Option
from drsquirrel.collect.flink_rest.process import ProcessWatch
from drsquirrel.model.facts import HEARTBEATS, ContainerFacts, Heartbeats

START = "web.tmpdir"
"""Each JobManager process makes a folder of its own and tells it as this option."""
UPDATE_INTERVAL = "metrics.fetcher.update-interval"
UPDATE_MS = 10_000
HEARTBEAT_INTERVAL, HEARTBEAT_TIMEOUT = "heartbeat.interval", "heartbeat.timeout"
UNITS_MS = {
    "": 1,
    "ms": 1,
    "milli": 1,
    "millis": 1,
    "millisecond": 1,
    "milliseconds": 1,
    "s": 1_000,
    "sec": 1_000,
    "second": 1_000,
    "seconds": 1_000,
    "m": 60_000,
    "min": 60_000,
    "minute": 60_000,
    "minutes": 60_000,
    "h": 3_600_000,
    "hour": 3_600_000,
    "hours": 3_600_000,
}


class JobManagerWatch(ProcessWatch):
    """The JobManager. `update_ms`: how often it brings metrics up to date at most, 0 for never;
    `heartbeats`: as it is configured."""

    def __init__(self) -> None:
        super().__init__(None)
        self.update_ms = UPDATE_MS
        self.heartbeats = HEARTBEATS
        self._start = ""

    def is_another(self, options: Iterable[Option]) -> bool:
        """Take over its configuration; whether it is another process than the last time."""
        told = {option.key: option.value for option in options}
        if told:
            self.update_ms = duration_ms(told.get(UPDATE_INTERVAL, ""), UPDATE_MS)
            self.heartbeats = heartbeats(told)
        before, self._start = self._start, told.get(START, self._start)
        if before in ("", self._start):
            return False
        self.names, self.cpu_time_ns = None, 0
        return True

    def facts(self, cluster: str) -> ContainerFacts:
        return structs.replace(super().facts(cluster), heartbeats=self.heartbeats)


def heartbeats(options: Mapping[str, str]) -> Heartbeats:
    """How TaskManagers are listened to; Flink tells only the options that were set."""
    return Heartbeats(
        interval_ms=duration_ms(options.get(HEARTBEAT_INTERVAL, ""), HEARTBEATS.interval_ms),
        timeout_ms=duration_ms(options.get(HEARTBEAT_TIMEOUT, ""), HEARTBEATS.timeout_ms),
    )


def duration_ms(written: str, default_ms: int) -> int:
    """A duration as Flink's options have it; Flink's default for what can not be read."""
    found = re.fullmatch(r"\s*(\d{1,12})\s*([a-z]*)\s*", written.lower())
    unit_ms = UNITS_MS.get(found[2]) if found else None
    return int(found[1]) * unit_ms if found and unit_ms else default_ms
