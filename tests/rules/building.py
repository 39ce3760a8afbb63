"""Builds a case from the compact description of a case file; what is not named has a healthy value.

`unknown` in place of a number is Unknown. Without `limit` no vertex limits the run; with it that
vertex does, all its subtasks saturated unless `busy` names a busy share for each.
"""

from collections.abc import Mapping
from typing import Any

from drsquirrel.model.case import (
    Bottleneck,
    Case,
    CheckpointsNow,
    ContainerNow,
    Episode,
    Fault,
    FaultKind,
    Lag,
    SubtaskNow,
    ThreadKind,
    ThreadVerdict,
    VertexNow,
)
from drsquirrel.model.event import CheckpointEvent, FailureEvent, Origin
from drsquirrel.model.facts import CheckpointSettings, Edge, Heartbeats, JobFacts, Vertex
from drsquirrel.model.kill import Kill
from drsquirrel.model.report import Onset
from drsquirrel.model.unknown import Number, Unknown

NOW_MS = 1_800_000_000_000
START_MS = NOW_MS - 86_400_000
ORIGIN = Origin(cluster="c", producer="flink-rest", epoch="e", sequence=0)
UNKNOWN = Unknown("it was not measured")

Spec = Mapping[str, Any]


def number(spec: Spec, name: str, default: Any) -> Any:
    value = spec.get(name, default)
    return UNKNOWN if value == "unknown" else value


def case_of(spec: Spec) -> Case:
    """The case a file describes, about its limiting vertex and its newest episode (`about`)."""
    _only(spec, "vertices limit bottleneck containers lags slots_free tasks_waiting waiting_s "
                "episodes checkpoints settings state all_running bottlenecks about")  # fmt: skip
    containers = {
        name: container(name, given or {}, i)
        for i, (name, given) in enumerate(spec.get("containers", {"tm-1": {}, "tm-2": {}}).items())
    }
    limit = spec.get("limit")
    vertices = []
    for i, given in enumerate(spec.get("vertices", [{"name": "orders"}, {"name": "ledger"}])):
        role = "limits" if given["name"] == limit else "waits" if limit else "calm"
        last = i == len(spec.get("vertices", [0, 0])) - 1
        vertices.append(vertex(given, i, vertices, role, last, tuple(containers)))
    facts = JobFacts(
        cluster="c",
        job="j",
        start_ms=START_MS,
        name="orders-enrichment",
        vertices=tuple(v.vertex for v in vertices),
        checkpoints=settings(spec.get("settings", {})),
    )
    episodes = tuple(episode(e, vertices, containers) for e in spec.get("episodes", ()))
    found = bottleneck(spec.get("bottleneck", {}), limit, vertices, containers) if limit else None
    waiting_s = spec.get("waiting_s")
    return Case(
        now_ms=NOW_MS,
        job="orders-enrichment",
        start_ms=START_MS,
        state=spec.get("state", "RUNNING"),
        facts=facts,
        all_running=number(spec, "all_running", True),
        running_for_ms=3_600_000,
        frozen="",
        warming_up=False,
        vertices=tuple(vertices),
        containers=containers,
        lags=tuple(map(lag, spec.get("lags", ()))),
        bottlenecks=number(spec, "bottlenecks", (found,) if found else ()),
        episodes=episodes,
        checkpoints=checkpoints(spec["checkpoints"]) if "checkpoints" in spec else UNKNOWN,
        slots_free=number(spec, "slots_free", 0),
        tasks_waiting=number(spec, "tasks_waiting", 0),
        waiting_since_ms=None if waiting_s is None else NOW_MS - waiting_s * 1000,
        bottleneck=found,
        episode=episodes[spec.get("about", -1)] if episodes else None,
    )


def container(name: str, spec: Spec, index: int) -> ContainerNow:
    _only(spec, "host cores cores_used gc heap_floor heap_mb heartbeat_s heartbeats gone_s "
                "quiet_s other_runs kill rss_mb limit_mb")  # fmt: skip
    heartbeat_s = number(spec, "heartbeat_s", 5)
    heap_mb = number(spec, "heap_mb", 512)
    return ContainerNow(
        id=name,
        is_taskmanager=name != "",
        host=spec.get("host", f"node-{index + 1}"),
        cores=number(spec, "cores", 4),
        cores_used=number(spec, "cores_used", 0.2),
        gc_share=number(spec, "gc", 0.01),
        gc_old_share=0.0,
        heap_floor_share=number(spec, "heap_floor", 0.4),
        heap_max_bytes=heap_mb * 2**20,
        heartbeat_age_ms=heartbeat_s * 1000,
        threads=80,
        gone_ms=NOW_MS - spec["gone_s"] * 1000 if "gone_s" in spec else None,
        quiet_ms=NOW_MS - spec["quiet_s"] * 1000 if "quiet_s" in spec else None,
        other_runs=number(spec, "other_runs", 0),
        heartbeats=heartbeats(spec.get("heartbeats", {})),
        kill=Kill(**spec["kill"]) if "kill" in spec else None,
        rss_bytes=spec["rss_mb"] * 2**20 if "rss_mb" in spec else UNKNOWN,
        memory_limit_bytes=spec["limit_mb"] * 2**20 if "limit_mb" in spec else UNKNOWN,
    )


def heartbeats(spec: Spec) -> Heartbeats:
    """How often TaskManagers are heard of, and for how long Flink waits."""
    _only(spec, "every_s timeout_s")
    return Heartbeats(
        interval_ms=spec.get("every_s", 10) * 1000, timeout_ms=spec.get("timeout_s", 50) * 1000
    )


def vertex(
    spec: Spec, i: int, before: list[VertexNow], role: str, last: bool, containers: tuple[str, ...]
) -> VertexNow:
    _only(spec, "name operators parallelism max_parallelism ship busy per_s cost_us in cost_rise "
                "records_skew cost_skew send_errors sink")  # fmt: skip
    parallelism = spec.get("parallelism", 2)
    inputs = (Edge(source=before[-1].vertex.id, ship=spec.get("ship", "HASH")),) if before else ()
    busy = each(spec.get("busy", 0.98 if role == "limits" else 0.1), parallelism)
    subtasks = []
    for index in range(parallelism):
        pressured = 0.85 if role == "waits" and not last else 0.0
        rate = number({"v": each(spec.get("per_s", 120), parallelism)[index]}, "v", 0)
        default_cost = (
            UNKNOWN if isinstance(rate, Unknown) or not rate else 1e6 * busy[index] / rate
        )
        cost = each(spec.get("cost_us"), parallelism)[index]
        held_in = spec.get("in", containers)
        subtasks.append(
            SubtaskNow(
                index=index,
                attempt=0,
                container=held_in[index % len(held_in)],
                busy=busy[index],
                pressured=pressured,
                idle=round(1 - busy[index] - pressured, 9),
                records_in_per_s=rate if before else UNKNOWN,
                records_out_per_s=rate,
                wall_cost_us=default_cost if cost is None else cost,
            )
        )
    operators = tuple(spec.get("operators", (spec["name"],)))
    return VertexNow(
        vertex=Vertex(
            id=f"v{i + 1}",
            name=spec["name"],
            parallelism=parallelism,
            max_parallelism=spec.get("max_parallelism", 128),
            operators=operators,
            inputs=inputs,
        ),
        subtasks=tuple(subtasks),
        reads_from_outside=not before,
        writes_outside=spec.get("sink", last),
        cost_rise=number(spec, "cost_rise", "unknown"),
        records_skew=number(spec, "records_skew", 1.0),
        cost_skew=number(spec, "cost_skew", 1.0),
        send_errors_per_s=number(spec, "send_errors", "unknown"),
    )


def each(value: Any, n: int) -> list[Any]:
    """A value for each subtask: one for all, or a list."""
    return list(value) if isinstance(value, list) else [value] * n


def bottleneck(
    spec: Spec, limit: str, vertices: list[VertexNow], containers: Mapping[str, ContainerNow]
) -> Bottleneck:
    _only(spec, "cpu_cores threads slow_host neighbours_cost_rise inside_chain")
    at = next(v for v in vertices if v.vertex.name == limit)
    saturated = tuple(s for s in at.subtasks if s.is_saturated)
    holding = tuple(containers[c] for c in sorted({s.container for s in saturated}))
    cpu: Number = 0.0
    for c in holding:
        cpu = cpu + c.cores_used
    dump = spec.get("threads")
    return Bottleneck(
        at=at,
        subtasks=saturated,
        onset=Onset(earliest_ms=NOW_MS - 180_000, latest_ms=NOW_MS - 120_000),
        inside_chain=spec.get("inside_chain", False),
        cpu_cores=number(spec, "cpu_cores", cpu),
        containers=holding,
        threads=ThreadVerdict(
            kind=ThreadKind(dump["kind"]),
            share=dump.get("share", 1.0),
            samples=dump.get("samples", 12),
            frame=dump.get("frame", "com.example.Client.call"),
            operator_frame=dump.get("operator_frame", "com.example.Enrich.map"),
            chain_index=dump.get("chain_index", -1),
        )
        if dump
        else Unknown("no recent thread dump shows them"),
        neighbours_cost_rise=number(spec, "neighbours_cost_rise", "unknown"),
        slow_host=number(spec, "slow_host", ""),
    )


def lag(spec: Spec) -> Lag:
    _only(spec, "of records slope rising falling")
    return Lag(
        vertex=spec.get("of", "v1"),
        operator="Source: orders",
        records=number(spec, "records", 10_000),
        slope_per_s=number(spec, "slope", 0),
        rising=number(spec, "rising", True),
        falling=number(spec, "falling", False),
    )


def episode(
    spec: Spec, vertices: list[VertexNow], containers: Mapping[str, ContainerNow]
) -> Episode:
    """An episode `began_s` ago, that took `took_s`; the first of its faults is the first fault."""
    _only(spec, "began_s took_s faults lost restarted first")
    began_ms = NOW_MS - spec.get("began_s", 30) * 1000
    took_s = spec.get("took_s")
    faults = tuple(fault(f, began_ms, vertices) for f in spec.get("faults", ()))
    return Episode(
        began_ms=began_ms,
        ended_ms=None if took_s is None else began_ms + took_s * 1000,
        faults=faults,
        first=faults[0] if faults else None,
        lost=tuple(containers[c] for c in spec.get("lost", ())),
        restarted=spec.get("restarted", True),
    )


def fault(spec: Spec, time_ms: int, vertices: list[VertexNow]) -> Fault:
    _only(spec, "kind exception message frames vertex subtask at names signature throwable task")
    exception, message = spec.get("exception", ""), spec.get("message", "")
    at = next((v.vertex for v in vertices if v.vertex.name == spec.get("vertex")), None)
    return Fault(
        event=FailureEvent(
            origin=ORIGIN,
            time_ms=time_ms,
            job="j",
            throwable=spec.get("throwable", f"{exception}: {message}"),
            signature=spec.get("signature", f"v1:{exception}"),
            task=spec.get("task", at.name if at else ""),
            vertex=at.id if at else "",
            subtask=spec.get("subtask", 0 if at else -1),
            on_container=spec.get("at", ""),
        ),
        kind=FaultKind(spec.get("kind", "direct")),
        exception=exception,
        message=message,
        frames=tuple(spec.get("frames", ())),
        names_container=spec.get("names", ""),
    )


def settings(spec: Spec | None) -> CheckpointSettings | None:
    if spec is None:
        return None
    return CheckpointSettings(
        interval_ms=spec.get("interval_s", 60) * 1000,
        timeout_ms=spec.get("timeout_s", 600) * 1000,
        tolerable_failures=spec.get("tolerable", 0),
        unaligned=spec.get("unaligned", False),
    )


def checkpoints(spec: Spec) -> CheckpointsNow:
    """`completed` and `failed` list checkpoints, the newest last, a minute apart."""
    _only(spec, "completed failed in_progress in_row")
    failed = tuple(checkpoint(c, i, "FAILED") for i, c in enumerate(spec.get("failed", ())))
    completed = tuple(
        checkpoint(c, i, "COMPLETED") for i, c in enumerate(spec.get("completed", ()))
    )
    return CheckpointsNow(
        completed=completed,
        failed=failed,
        in_progress=checkpoint(spec["in_progress"], 99, "IN_PROGRESS")
        if "in_progress" in spec
        else None,
        failures_in_row=spec.get("in_row", len(failed)),
        last_completed_ms=completed[-1].time_ms if completed else None,
        running_since_ms=START_MS,
    )


def checkpoint(spec: Spec, i: int, status: str) -> CheckpointEvent:
    _only(spec, "duration_s start_delay_s alignment_s sync_s async_s failure unacknowledged "
                "slowest state_mb at_s")  # fmt: skip

    def ms(name: str) -> int | None:
        return None if f"{name}_s" not in spec else int(spec[f"{name}_s"] * 1000)

    return CheckpointEvent(
        origin=ORIGIN,
        time_ms=NOW_MS - 1000 * spec.get("at_s", 600 - 60 * i),
        job="j",
        id=100 + i,
        status=status,
        duration_ms=ms("duration"),
        start_delay_ms=ms("start_delay"),
        alignment_ms=ms("alignment"),
        sync_ms=ms("sync"),
        async_ms=ms("async"),
        state_bytes=spec.get("state_mb", 1) * 2**20,
        failure=spec.get("failure", ""),
        slowest_vertex=spec.get("slowest", ""),
        unacknowledged=tuple((v, n) for v, n in spec.get("unacknowledged", {}).items()),
    )


def _only(spec: Spec, names: str) -> None:
    """A case file that misspells a word must not pass by its default."""
    unknown = set(spec) - set(names.split())
    assert not unknown, f"not a word of case files: {sorted(unknown)}"
