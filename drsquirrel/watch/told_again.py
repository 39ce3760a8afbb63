"""What the watcher told of processes, told again as they did: round after round.

A snapshot holds of each minute what spoke first and last. Who spoke at both ends of it did so in
between.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from drsquirrel.model import metric
from drsquirrel.model.event import MetricReport, Origin, Place, Table
from drsquirrel.model.snapshot import MINUTE_MS, Rollup, Track, TrackKey

ROUND_MS = 10_000


class Teller(NamedTuple):
    """Who reports about a job, or (job empty) about itself."""

    job: str
    name: str
    flink_version: str
    container: str
    epoch: str


def rounds(
    rollups: Iterable[Rollup], minute: int
) -> Iterator[tuple[int, list[tuple[int, MetricReport]]]]:
    """The rounds of a minute of one cluster, in which what processes told was told: when each was
    over, and the reports, at the time of which they came. Of their numbers only those are there
    that tell of lost messages."""
    told: dict[Teller, list[Track]] = defaultdict(list)
    cluster = ""
    for rollup in rollups:
        cluster, job = rollup.subject.cluster, rollup.subject.job
        name, version = rollup.named[0] if rollup.named else ("", "")
        for track in rollup.tracks:
            key = track.key
            told[Teller(job, name, version, key.container, key.epoch)].append(track)
    for begin_ms in range(minute * MINUTE_MS, (minute + 1) * MINUTE_MS, ROUND_MS):
        over_ms = begin_ms + ROUND_MS
        found: list[tuple[int, MetricReport]] = []
        for teller, tracks in told.items():
            there = [t for t in tracks if _began_ms(t) < over_ms and _ended_ms(t) >= begin_ms]
            if there:
                time_ms = min(over_ms - 1, max(map(_ended_ms, there)))
                found.append((time_ms, _report(cluster, teller, there, time_ms)))
        yield over_ms - 1, found


def _report(cluster: str, teller: Teller, tracks: list[Track], time_ms: int) -> MetricReport:
    places = tuple(_place(track.key) for track in tracks)
    lost = (r.values for track in tracks for r in track.last if not teller.job)
    name = metric.PUBLISHER_DROPPED.name
    numbers = tuple(values[name] for values in lost if name in values)
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
            Table(names=(name,) * len(numbers), places=(Place(),), numbers=numbers),
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
