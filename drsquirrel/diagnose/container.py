"""Processes of a cluster: what their minutes say, and whether they still speak."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from drsquirrel.diagnose.minute import Minutes, Rollups
from drsquirrel.diagnose.rate import counter_rate, gc_shares
from drsquirrel.diagnose.reading import RUN, Line, Lines, latest, lines, recent
from drsquirrel.model import metric
from drsquirrel.model.case import NOT_TOLD, ContainerNow
from drsquirrel.model.facts import HEARTBEATS, ContainerFacts, Heartbeats
from drsquirrel.model.snapshot import MINUTE_MS, Rollup
from drsquirrel.model.unknown import Number, Unknown
from drsquirrel.model.yarn import YarnContainer

JOBMANAGER = ""
"""The JobManager's process has no id over REST."""
LEAST_COLLECTIONS = 3
SLOTS_FREE, HEAP_USED = metric.SLOTS_FREE.name, metric.HEAP_USED_BYTES.name


@dataclass(frozen=True, slots=True)
class ContainerMinute:
    """What one minute says of a container."""

    gc_share: Number
    gc_old_share: Number
    heap_floor_share: Number
    cores_used: Number


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process as every run of the cluster sees it: the hour, and now."""

    now: ContainerNow
    minutes: tuple[ContainerMinute | None, ...]
    slots_free: int | None
    runs: frozenset[str] = frozenset()
    """The live runs that had subtasks in it in the last minutes."""
    lost: Mapping[str, int] = field(default_factory=dict)
    """Messages of its plugin that were lost since it began, by reason."""

    def beside(self, run: str) -> ContainerNow:
        """It now, with the number of other runs in it."""
        return replace(self.now, other_runs=len(self.runs - {run}))


def process_of(
    id_: str,
    rollups: Mapping[int, Rollup],
    facts: ContainerFacts | None,
    memo: Minutes[ContainerMinute],
    hour: range,
    now_ms: int,
    *,
    runs: frozenset[str] = frozenset(),
    is_listed: bool,
    quiet_ms: int | None = None,
    heartbeats: Heartbeats = HEARTBEATS,
    yarn: YarnContainer | None = None,
) -> Process:
    """Measure a process. `facts` are those of one alive; without them it is gone, unless no list
    of the processes alive has come yet (not `is_listed`). What is gone is as it was last seen.
    `yarn` is what YARN tells of it."""
    gone_ms = None if facts or not is_listed else _gone_ms(rollups)
    newest = recent(rollups, now_ms if gone_ms is None else gone_ms)
    of_scope = lines(newest)
    own = of_scope.get(RUN, [])
    nothing = Unknown("no data of this process in the last minutes")
    measured = (
        measure(of_scope, since_ms=0)
        if newest
        else ContainerMinute(nothing, nothing, nothing, nothing)
    )
    now = ContainerNow(
        id=id_,
        is_taskmanager=facts.is_taskmanager if facts else id_ != JOBMANAGER,
        host=facts.host if facts else "",
        cores=facts.cpu_cores if facts and facts.cpu_cores else Unknown("cores not reported"),
        cores_used=measured.cores_used,
        gc_share=measured.gc_share,
        gc_old_share=measured.gc_old_share,
        heap_floor_share=measured.heap_floor_share,
        heap_max_bytes=_number(latest(own, metric.HEAP_MAX_BYTES.name)),
        heartbeat_age_ms=_number(latest(own, metric.HEARTBEAT_AGE_MS.name)),
        threads=_number(latest(own, metric.THREADS.name)),
        gone_ms=gone_ms,
        quiet_ms=quiet_ms,
        heartbeats=heartbeats,
        kill=yarn.kill if yarn else None,
        rss_bytes=_number(latest(own, metric.RSS_BYTES.name)),
        memory_limit_bytes=_number(
            yarn.memory_mib << 20
            if yarn and yarn.memory_mib
            else latest(own, metric.CGROUP_MEMORY_LIMIT_BYTES.name)
        ),
    )
    return Process(
        now=now,
        minutes=memo.of(rollups, hour, None, container_minute),
        slots_free=latest(own, SLOTS_FREE) if facts else None,
        runs=runs,
        lost={
            reason: lost
            for reason, counted in metric.DROPPED_BY_REASON.items()
            if (lost := latest(own, counted.name))
        },
    )


def _gone_ms(rollups: Mapping[int, Rollup]) -> int | None:
    """When it was missed: as told, else when it was last heard of."""
    told = [
        e.time_ms
        for rollup in rollups.values()
        for e in rollup.changes
        if e.what == "container-gone"
    ]
    heard = [r.time_ms for rollup in rollups.values() for t in rollup.tracks for r in t.last]
    return max(told or heard, default=None)


def container_minute(rollups: Rollups) -> ContainerMinute:
    """Measure the newest of these rollups of a container."""
    return measure(lines(rollups), since_ms=rollups[-1].minute * MINUTE_MS)


def measure(of_scope: Lines, *, since_ms: int) -> ContainerMinute:
    """Garbage collection, heap and CPU over a window that was seen since `since_ms`."""
    collectors = {key.group: found for key, found in of_scope.items() if key.group}
    share, old = gc_shares(collectors, since_ms)
    used = counter_rate(of_scope.get(RUN, []), metric.CPU_TIME_NS.name, since_ms) * 1e-9 - share
    return ContainerMinute(
        gc_share=share,
        gc_old_share=old,
        heap_floor_share=heap_floor(of_scope, collectors, since_ms),
        cores_used=used if isinstance(used, Unknown) else max(0.0, used),
    )


def heap_floor(of_scope: Lines, collectors: Mapping[str, list[Line]], since_ms: int) -> Number:
    """The lowest heap in the window over its maximum, where at least 3 collections fell into it.

    An estimate: the lowest sample after collections is at or above what is live.
    """
    collections = 0
    for found in collectors.values():
        counts = [
            r.values[metric.GC_COUNT.name]
            for r in found[-1].readings
            if metric.GC_COUNT.name in r.values
        ]
        collections += counts[-1] - counts[0] if counts else 0
    if collections < LEAST_COLLECTIONS:
        return Unknown(f"fewer than {LEAST_COLLECTIONS} collections in the window")
    own = of_scope.get(RUN, [])
    heaps = [line for line in own if _seen_since(line, HEAP_USED, since_ms)]
    most = latest(heaps, metric.HEAP_MAX_BYTES.name)
    if not heaps or not most or most < 0:
        return Unknown("the heap was not reported")
    return min(low for line in heaps if (low := line.lowest(HEAP_USED)) is not None) / most


def _seen_since(line: Line, name: str, since_ms: int) -> bool:
    return any(name in r.values and r.time_ms >= since_ms for r in line.readings)


def _number(value: int | None) -> Number:
    return NOT_TOLD if value is None else float(value)


def slots_free(processes: Mapping[str, Process]) -> Number:
    """Free slots of all TaskManagers alive together."""
    free = [p.slots_free for p in processes.values() if p.slots_free is not None]
    return float(sum(free)) if free else Unknown("no TaskManager told its slots")


def place(container: str, containers: Mapping[str, ContainerNow]) -> str:
    """The host of a container, else the container."""
    found = containers.get(container)
    return found.host if found and found.host else container
