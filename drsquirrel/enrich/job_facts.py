"""The plan and the settings of a run, from a few GETs once in a while."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct, field, structs

from drsquirrel.enrich.chain import operators_of
from drsquirrel.enrich.look_up import Found, Get, Kept
from drsquirrel.model.clock import Clock
from drsquirrel.model.facts import CheckpointSettings, Edge, JobFacts, RunSeen, Vertex, bounded

NEVER_MS = 2**63 - 1
"""The checkpoint interval of a job without checkpoints."""
FRESH_MS = 600_000
"""A run that was rescaled has other parallelisms; so it is asked again after so long."""
RETRY_MS = 30_000
RUNS_MAX = 5_000
"""As many as are watched of a cluster."""
VERTICES_MAX = 1_000
INPUTS_MAX = 1_000
NOT_FOUND = 404
T = TypeVar("T")


class _Config(Struct, rename="kebab"):
    flink_version: str = ""


class _Execution(Struct, rename="kebab"):
    restart_strategy: str = ""


class _JobConfig(Struct, rename="kebab"):
    execution_config: _Execution = field(default_factory=_Execution)


class _Checkpoints(Struct):
    interval: int
    timeout: int
    mode: str = "exactly_once"
    min_pause: int = 0
    tolerable_failed_checkpoints: int = 0
    unaligned_checkpoints: bool = False
    state_backend: str = ""
    checkpoint_storage: str = ""


class _Input(Struct):
    id: str
    ship_strategy: str = ""


class _Node(Struct):
    id: str
    description: str = ""
    inputs: list[_Input] = []


class _Plan(Struct):
    nodes: list[_Node]
    type: str = ""


class _Vertex(Struct, rename="camel"):
    id: str
    name: str
    parallelism: int
    max_parallelism: int = -1


class _Job(Struct):
    start_time: int = field(name="start-time")
    vertices: list[_Vertex]
    plan: _Plan
    job_type: str = field(name="job-type", default="")
    pending_operators: int = field(name="pending-operators", default=0)


class JobFactsSource:
    """Looks up the facts of the runs of one cluster, by RunSeen."""

    def __init__(self, cluster: str, get: Get, clock: Clock) -> None:
        self._cluster = cluster
        self._get = get
        self._clock = clock
        self._kept: Kept[tuple[str, int], JobFacts] = Kept(RUNS_MAX)

    def due_ms(self, run: RunSeen) -> int:
        """From when on it asks for the facts of a run anew; 0 if it has not asked yet."""
        kept = self._kept.get((run.job, run.start_ms))
        return kept.asked_ms + (RETRY_MS if kept.says else FRESH_MS) if kept else 0

    async def look_up(self, run: RunSeen) -> Found[JobFacts]:
        """The facts of a run. What cannot be asked anew keeps what was found before."""
        key = (run.job, run.start_ms)
        kept = self._kept.get(key)
        now_ms = self._clock.now_ms()
        if kept is not None and now_ms < self.due_ms(run):
            return kept
        says: list[str] = []
        facts = await self._ask(run, says)
        found = Found(
            value=facts,
            taken_ms=now_ms,
            asked_ms=now_ms,
            complete=facts is not None and not says,
            says=" ".join(says),
        )
        if facts is None and kept is not None and kept.value is not None:
            found = structs.replace(kept, asked_ms=now_ms, says=found.says)
        self._kept.put(key, found)
        return found

    async def _ask(self, run: RunSeen, says: list[str]) -> JobFacts | None:
        base = f"/jobs/{run.job}"
        job = await self._answer(base, _Job, says)
        if job is None:
            return None
        if job.start_time != run.start_ms and not run.is_heard:  # whose start is not known
            says.append(f"Job {run.job} was started anew before its plan was read.")
            return None
        if not job.vertices:
            says.append(f"Flink still initializes the job {run.name}: it has no plan yet.")
            return None
        checkpoints = await self._answer(f"{base}/checkpoints/config", _Checkpoints, says)
        if checkpoints is None and says:
            return None  # else checkpoints would seem to be off
        if job.pending_operators:
            says.append(
                f"{job.pending_operators} operators of the job {run.name} are not planned yet."
            )
        config = await self._answer(f"{base}/config", _JobConfig, says)
        cluster = await self._answer("/config", _Config, says)
        return JobFacts(
            cluster=self._cluster,
            job=run.job,
            start_ms=run.start_ms,
            name=run.name,
            job_type=job.plan.type or job.job_type or run.job_type,
            flink_version=cluster.flink_version if cluster else "",
            vertices=_vertices(job),
            checkpoints=_settings(checkpoints),
            restart_strategy=config.execution_config.restart_strategy if config else "",
        )

    async def _answer(self, path: str, shape: type[T], says: list[str]) -> T | None:
        """The answer; None where there is none, and then a sentence is said but for a 404.

        Flink knows no checkpoint configuration of a job without checkpoints.
        """
        try:
            return msgspec.convert(await self._get.get(path), shape)
        except msgspec.ValidationError as error:
            says.append(f"The answer to {path} is not of the shape that Flink sends ({error}).")
        except Exception as error:
            # Whatever the source's errors are called: str() is a sentence to show.
            if getattr(error, "status", 0) != NOT_FOUND or shape is _Job:
                says.append(str(error))
        return None


def _settings(told: _Checkpoints | None) -> CheckpointSettings | None:
    if told is None or told.interval >= NEVER_MS:
        return None
    return CheckpointSettings(
        interval_ms=told.interval,
        timeout_ms=told.timeout,
        tolerable_failures=told.tolerable_failed_checkpoints,
        min_pause_ms=told.min_pause,
        mode=told.mode,
        unaligned=told.unaligned_checkpoints,
        state_backend=told.state_backend,
        storage=told.checkpoint_storage,
    )


def _vertices(job: _Job) -> tuple[Vertex, ...]:
    nodes = {node.id: node for node in job.plan.nodes}
    empty = _Node(id="")
    vertices = [
        Vertex(
            id=vertex.id,
            name=bounded(vertex.name),
            parallelism=vertex.parallelism,
            max_parallelism=vertex.max_parallelism,
            operators=operators_of(vertex.name, nodes.get(vertex.id, empty).description),
            inputs=tuple(
                Edge(source=i.id, ship=i.ship_strategy)
                for i in nodes.get(vertex.id, empty).inputs[:INPUTS_MAX]
            ),
        )
        for vertex in job.vertices[:VERTICES_MAX]
    ]
    return tuple(in_order_of_data(vertices))


def in_order_of_data(vertices: Sequence[Vertex]) -> list[Vertex]:
    """Topologically, and as given where that is free; a cycle is broken at its first vertex."""
    known = {v.id for v in vertices}
    waits_for = {v.id: {e.source for e in v.inputs} & known for v in vertices}
    left = list(vertices)
    ordered: list[Vertex] = []
    while left:
        done = {v.id for v in ordered}
        following = next((v for v in left if waits_for[v.id] <= done), left[0])
        left.remove(following)
        ordered.append(following)
    return ordered
