"""What the watcher told of processes and runs, told again as they did: round after round.

A snapshot holds of each minute what spoke first and last. Who spoke at both ends of it did so in
between.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from drsquirrel.model import metric
from drsquirrel.model.event import (
    ChangeEvent,
    FailureEvent,
    MetricReport,
    Origin,
    Place,
    Table,
    Values,
    tables,
)
from drsquirrel.model.snapshot import MINUTE_MS, Rollup, Track, TrackKey

ROUND_MS = 10_000
Told: TypeAlias = MetricReport | FailureEvent | ChangeEvent


class Teller(NamedTuple):
    """Who reports about a job, or (job empty) about itself."""

    job: str
    name: str
    flink_version: str
    container: str
    epoch: str


def rounds(rollups: Iterable[Rollup], minute: int) -> Iterator[tuple[int, list[tuple[int, Told]]]]:
    """The rounds of a minute of one cluster: when each was over, and what came in it, with when.
    Of the numbers only those are there that tell of lost messages, of places no operators."""
    told: dict[Teller, list[Track]] = defaultdict(list)
    events: list[FailureEvent | ChangeEvent] = []
    cluster = ""
    for rollup in rollups:
        cluster, job = rollup.subject.cluster, rollup.subject.job
        name, version = rollup.named[0] if rollup.named else ("", "")
        events += (*rollup.failures, *rollup.changes)
        for track in rollup.tracks:
            key = track.key
            if not key.operator:
                told[Teller(job, name, version, key.container, key.epoch)].append(track)
    for begin_ms in range(minute * MINUTE_MS, (minute + 1) * MINUTE_MS, ROUND_MS):
        over_ms = begin_ms + ROUND_MS
        found: list[tuple[int, Told]] = []
        for teller, tracks in told.items():
            there = [t for t in tracks if _began_ms(t) < over_ms and _ended_ms(t) >= begin_ms]
            if there:
                time_ms = min(over_ms - 1, max(map(_ended_ms, there)))
                found.append((time_ms, _report(cluster, teller, there, time_ms)))
        found += [(e.time_ms, e) for e in events if begin_ms <= e.time_ms < over_ms]
        yield over_ms - 1, found


def _report(cluster: str, teller: Teller, tracks: list[Track], time_ms: int) -> MetricReport:
    places = tuple(_place(track.key) for track in tracks)
    name = metric.PUBLISHER_DROPPED.name
    lost = [r.values[name] for t in tracks for r in t.last if name in r.values]
    return MetricReport(
        origin=Origin(
            cluster=cluster,
            producer="plugin",
            epoch=teller.epoch,
            sequence=time_ms,
            container=teller.container,
            flink_version=teller.flink_version,
        ),
        time_ms=time_ms,
        tables=(
            Table(names=(), places=places, numbers=()),
            *tables(Values({name: n}) for n in lost),
        ),
        job=teller.job,
        job_name=teller.name,
    )


def _place(key: TrackKey) -> Place:
    return Place(key.vertex, key.subtask, key.operator, key.group, key.attempt)


def _began_ms(track: Track) -> int:
    return track.first[0].time_ms


def _ended_ms(track: Track) -> int:
    return track.last[-1].time_ms
