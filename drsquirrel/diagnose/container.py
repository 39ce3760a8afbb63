"""Containers now: what their newest minutes say, and whether they still speak."""

from collections.abc import Mapping

from drsquirrel.diagnose.hour import MeasuredHour
from drsquirrel.diagnose.inquiry import Inquiry
from drsquirrel.diagnose.minute import container_minute
from drsquirrel.diagnose.rate import latest
from drsquirrel.diagnose.reading import RUN, lines, recent
from drsquirrel.model import metric
from drsquirrel.model.case import ContainerNow
from drsquirrel.model.unknown import Number, Unknown


def containers_now(inquiry: Inquiry, hour: MeasuredHour, now_ms: int) -> dict[str, ContainerNow]:
    """Containers that held subtasks in the hour, and all processes alive that report."""
    wanted = set(hour.containers) | set(inquiry.container_facts)
    return {c: container_now(inquiry, c, now_ms) for c in sorted(wanted)}


def container_now(inquiry: Inquiry, container: str, now_ms: int) -> ContainerNow:
    rollups = inquiry.containers.get(container, {})
    newest = recent(rollups, now_ms)
    facts = inquiry.container_facts.get(container)
    nothing = Unknown("no data of this process in the last minutes")
    measured = container_minute(newest) if newest else None
    own = lines(newest).get(RUN, [])
    gone = [
        e.time_ms
        for rollup in rollups.values()
        for e in rollup.changes
        if e.what == "container-gone"
    ]
    return ContainerNow(
        id=container,
        is_taskmanager=facts.is_taskmanager if facts else True,
        host=facts.host if facts else "",
        cores=facts.cpu_cores if facts and facts.cpu_cores else Unknown("cores not reported"),
        cores_used=measured.cores_used if measured else nothing,
        gc_share=measured.gc_share if measured else nothing,
        gc_old_share=measured.gc_old_share if measured else nothing,
        heap_floor_share=measured.heap_floor_share if measured else nothing,
        heap_max_bytes=_number(latest(own, metric.HEAP_MAX_BYTES.name)),
        heartbeat_age_ms=_number(latest(own, metric.HEARTBEAT_AGE_MS.name)),
        threads=_number(latest(own, metric.THREADS.name)),
        gone_ms=None if facts or not gone else max(gone),
        other_runs=max(0, inquiry.runs_on.get(container, 1) - 1),
    )


def _number(value: int | None) -> Number:
    return Unknown("not reported") if value is None else float(value)


def slots_free(inquiry: Inquiry, now_ms: int) -> Number:
    """Free slots of all TaskManagers alive together."""
    told = [
        latest(lines(recent(rollups, now_ms)).get(RUN, []), metric.SLOTS_FREE.name)
        for c, rollups in inquiry.containers.items()
        if c in inquiry.container_facts
    ]
    free = [slots for slots in told if slots is not None]
    return float(sum(free)) if free else Unknown("no TaskManager told its slots")


def place(container: str, containers: Mapping[str, ContainerNow]) -> str:
    """The host of a container, else the container."""
    found = containers.get(container)
    return found.host if found and found.host else container
