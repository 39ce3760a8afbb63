"""What is known of one run between rounds, and what it is asked in one."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from drsquirrel.collect.flink_rest import checkpoints, failures, translate
from drsquirrel.collect.flink_rest.address import REQUEST_LINE_CHARACTERS, metric_queries
from drsquirrel.collect.flink_rest.answer import (
    Checkpoint,
    CheckpointDetails,
    Checkpoints,
    CheckpointSubtasks,
    Exceptions,
    IoMetrics,
    Job,
    JobDetails,
    MetricValue,
    Subtask,
    VertexDetails,
    VertexOverview,
)
from drsquirrel.collect.flink_rest.asking import Asking
from drsquirrel.collect.flink_rest.origin import Origins
from drsquirrel.collect.flink_rest.settings import PollSettings
from drsquirrel.collect.flink_rest.told import Told
from drsquirrel.collect.flink_rest.turns import Candidate
from drsquirrel.model.event import ChangeEvent, Event, Values
from drsquirrel.model.state import ENDED_STATES

BUSY_OR_PRESSURED_SHARE = 0.3
"""A vertex whose subtasks spend more of the time so is suspicious."""
ENDED_SETTLED_MS = 5_000
"""So long after its end, what Flink says of a run from its caches of 3 s is final."""
EXTRA_REQUESTS = 5
"""Requests per job and round for operators' metrics and checkpoint details; more where there are
more than ten vertices, fewer in the round that connects, which has others to ask."""
END_AHEAD_ROUNDS = 10
YOUNG_MS = 60_000
"""Metrics of a task that runs for less long may not all be there yet."""
RENAMED_ROUNDS = 3
"""So long after a restart, or a listing in a task's youth, its metrics are listed again."""
AGGREGATIONS = "sum,max"
SAME_TIME_MS = 1_000
NOTHING = Values(values={})


@dataclass
class VertexState:
    """What is remembered of a vertex. `names` are its metrics that we read; None: not listed."""

    name: str
    parallelism: int
    is_end: bool
    """It reads or writes outside: a source or a sink."""
    names: list[str] | None = None
    names_due_round: int = 0
    attempts: int = 0
    covered_round: int = 0
    operators_round: int = 0
    counted_ms: int = 0
    """Backpressured and busy time of all its subtasks, as last seen."""
    suspicion: float = 0.0
    told: dict[int, tuple[int, IoMetrics]] = field(default_factory=dict)
    """Per subtask its attempt and what was counted, as last told."""

    def moved(self, subtask: Subtask) -> bool:
        """Whether something was counted since the last time: every 5 s a running task's times are.

        If not, its TaskManager's part of the update is not there yet.
        """
        now = (subtask.attempt, subtask.metrics)
        if subtask.status == "RUNNING" and self.told.get(subtask.subtask) == now:
            return False
        self.told[subtask.subtask] = now
        return True


@dataclass
class Heard:
    """What one round heard of a run: scopes with the container they belong to, and events.

    `live` holds as of now, `counted` as of when Flink last brought its metrics up to date.
    """

    live: list[tuple[str, Values]] = field(default_factory=list)
    counted: list[tuple[str, Values]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    restarts: Values = NOTHING
    uptime_ms: int | None = None


class RunWatch:
    """One run; `sign` turns a throwable into its signature."""

    def __init__(self, job: Job, settings: PollSettings, sign: Callable[[str], str]) -> None:
        self.job = job
        self.heard = Heard()
        self.vertices: dict[str, VertexState] = {}
        self.covered_round = 0
        self._settings = settings
        self._sign = sign
        self._told = Told(settings.remembered_max)
        self._details: JobDetails | None = None
        self._extra = 0
        self._farewell = False

    @property
    def extra_requests(self) -> int:
        """How many requests for operators' metrics it may still make in this round."""
        return self._extra

    @property
    def key(self) -> tuple[str, int]:
        return self.job.jid, self.job.start_time

    @property
    def has_ended(self) -> bool:
        return self.job.state in ENDED_STATES

    @property
    def operators_round(self) -> int:
        """When operators of it were last asked."""
        return max((v.operators_round for v in self.vertices.values()), default=0)

    @property
    def wants_asking(self) -> bool:
        """Not ended, or what it left behind has not been read."""
        return not (self.has_ended and self._farewell)

    def begin(self, job: Job, connecting: bool) -> None:
        """Begin a round with what the live overview says."""
        self.job = job
        self.heard = Heard(live=[("", translate.job_values(job))])
        self._extra = max(EXTRA_REQUESTS, len(self.vertices) // 2) - 2 * connecting

    async def ask_job(self, asking: Asking, origins: Origins, now_ms: int, round_: int) -> None:
        """Ask for plan, failures and checkpoints."""
        base = f"/jobs/{self.job.jid}"
        details = await asking.ask(base, JobDetails)
        if details is None or (details.jid, details.start_time) != self.key:
            return
        self.covered_round = round_
        self._learn(details)
        self._tell_states(details, origins)
        exceptions = await asking.ask(f"{base}/exceptions", Exceptions)
        if exceptions is not None:
            self._tell_failures(exceptions, origins)
        statistics = await asking.ask(f"{base}/checkpoints", Checkpoints)
        if statistics is not None:
            self.heard.live.append(("", translate.checkpoint_values(statistics.counts)))
            await self._tell_checkpoints(statistics.history, asking, origins, now_ms)
        if not asking.lost and self.has_ended and now_ms - self.job.end_time >= ENDED_SETTLED_MS:
            self._farewell = True

    async def ask_restarts(self, asking: Asking, again: bool = False) -> None:
        """Ask how often it restarted, and so when the metrics were brought up to date."""
        self._extra -= again
        names = list(translate.JOB_METRICS)
        [path] = metric_queries(f"/jobs/{self.job.jid}/metrics", names)
        answer = await asking.ask(path, tuple[MetricValue, ...])
        if answer:
            self.heard.restarts = translate.restart_values(answer)
            self.heard.uptime_ms = translate.uptime_ms(answer)

    def updated_ms(self, now_ms: int) -> int | None:
        """When Flink brought its metrics up to date, if this run is up and so can tell."""
        since_ms = self._details.timestamps.get("RUNNING") if self._details is not None else None
        if not since_ms or self.heard.uptime_ms is None:
            return None
        told_ms = since_ms + self.heard.uptime_ms
        # A job that restarts between the two answers adds up to a time that has not come yet.
        return told_ms if told_ms <= now_ms + SAME_TIME_MS else None

    def candidates(self) -> list[Candidate[tuple[tuple[str, int], str]]]:
        """Its vertices, to be covered in turns with those of other runs."""
        return [
            Candidate((self.key, id_), suspicion=vertex.suspicion)
            for id_, vertex in self.vertices.items()
        ]

    def operator_turns(self, chosen: Sequence[str], round_: int, room: int) -> set[str]:
        """Of the vertices chosen for this round those whose operators are asked too, within `room`.

        The ends of the graph come first: they count as having waited longer.
        """

        def waiting_since(id_: str) -> int:
            vertex = self.vertices[id_]
            return vertex.operators_round - END_AHEAD_ROUNDS * vertex.is_end

        wanted = [
            id_
            for id_ in chosen
            if self.vertices[id_].names or round_ >= self.vertices[id_].names_due_round
        ]
        return set(sorted(wanted, key=waiting_since)[: max(0, min(room, self._extra))])

    async def ask_vertex(
        self, asking: Asking, id_: str, round_: int, updated_ms: int | None, operators: bool
    ) -> None:
        """Ask for the subtasks of a vertex. Nothing counted is taken without an update, nor what
        was counted before the attempt began, nor what came too late for the update."""
        vertex = self.vertices[id_]
        details = await asking.ask(f"/jobs/{self.job.jid}/vertices/{id_}", VertexDetails)
        if details is None:
            return
        vertex.covered_round = round_
        attempts = sum(s.attempt for s in details.subtasks)
        if attempts != vertex.attempts:
            vertex.attempts = attempts
            vertex.names_due_round = min(vertex.names_due_round, round_ + RENAMED_ROUNDS)
        counted: dict[int, Subtask] = {}
        for subtask in details.subtasks:
            container = _container(subtask)
            self.heard.live.append((container, translate.status_values(id_, subtask)))
            if (
                updated_ms is not None
                and subtask.start_time <= updated_ms
                and vertex.moved(subtask)
            ):
                counted[subtask.subtask] = subtask
                self.heard.counted.append((container, translate.io_values(id_, subtask)))
        if operators:
            vertex.operators_round = round_
            if round_ >= vertex.names_due_round:
                await self._list_names(asking, id_, round_, _age_ms(details))
            elif counted:
                await self._ask_operators(asking, id_, vertex, counted)

    async def _list_names(self, asking: Asking, id_: str, round_: int, age_ms: int) -> None:
        """List the metrics of a vertex; of the ends of the graph again and again, since some appear
        only when they first have a value."""
        path = f"/jobs/{self.job.jid}/vertices/{id_}/subtasks/metrics"
        answer = await asking.ask(path, tuple[MetricValue, ...])
        if answer:
            vertex = self.vertices[id_]
            vertex.names = translate.operator_names(v.id for v in answer)
            often = RENAMED_ROUNDS if age_ms < YOUNG_MS else self._settings.names_every_rounds
            vertex.names_due_round = round_ + often if vertex.is_end else sys.maxsize

    async def _ask_operators(
        self, asking: Asking, id_: str, vertex: VertexState, subtasks: dict[int, Subtask]
    ) -> None:
        """Per subtask if that fits into one request, else summed up by Flink."""
        base = f"/jobs/{self.job.jid}/vertices/{id_}"
        names = [f"{index}.{name}" for index in subtasks for name in vertex.names or ()]
        if sum(map(len, names)) < REQUEST_LINE_CHARACTERS:
            queries = metric_queries(f"{base}/metrics", names)
            if len(queries) == 1:
                answer = await asking.ask(queries[0], tuple[MetricValue, ...]) or ()
                found = translate.operator_values(answer, id_, subtasks)
                self.heard.counted += [(_container(s), values) for s, values in found]
                return
        [query, *_] = metric_queries(f"{base}/subtasks/metrics", vertex.names or [], AGGREGATIONS)
        answer = await asking.ask(query, tuple[MetricValue, ...]) or ()
        totals = translate.operator_totals(answer, id_, list(subtasks.values()))
        self.heard.counted += [("", values) for values in totals]

    def _learn(self, details: JobDetails) -> None:
        """Take over the plan, and see which vertices became suspicious since the last time."""
        inputs = {n.id: [i.id for i in n.inputs] for n in details.plan.nodes}
        feeding = {id_ for ids in inputs.values() for id_ in ids}
        elapsed_ms = details.now - self._details.now if self._details is not None else 0
        for overview in details.vertices:
            is_end = not inputs.get(overview.id) or overview.id not in feeding
            vertex = self.vertices.setdefault(
                overview.id,
                VertexState(
                    overview.name, overview.parallelism, is_end or "Writer" in overview.name
                ),
            )
            _suspect(vertex, overview, elapsed_ms)
        self._details = details

    def _tell_states(self, details: JobDetails, origins: Origins) -> None:
        for state, time_ms in sorted(details.timestamps.items(), key=lambda item: item[1]):
            if time_ms > 0 and self._told.is_new(f"{time_ms}|{state}"):
                event = ChangeEvent(
                    origin=origins.next("", *self.key),
                    time_ms=time_ms,
                    what="job-state",
                    job=self.job.jid,
                    start_ms=self.job.start_time,
                    subject=state,
                )
                self.heard.events.append(event)

    def _tell_failures(self, exceptions: Exceptions, origins: Origins) -> None:
        names = [(id_, vertex.name) for id_, vertex in self.vertices.items()]
        for entry, concurrent in failures.failures(exceptions):
            if self._told.is_new(f"{entry.timestamp}|{entry.task_name}|{entry.stacktrace}"):
                event = failures.failure_event(
                    entry,
                    concurrent=concurrent,
                    origin=origins.next("", *self.key),
                    job=self.job.jid,
                    start_ms=self.job.start_time,
                    vertices=names,
                    sign=self._sign,
                )
                self.heard.events.append(event)

    async def _tell_checkpoints(
        self, history: Sequence[Checkpoint], asking: Asking, origins: Origins, now_ms: int
    ) -> None:
        """Tell each at once, and again when more is known: the newest ones that failed or are slow
        are looked at per vertex, as far as there is room."""
        room = min(self._settings.checkpoint_details_per_round, self._extra - 1)
        for checkpoint in sorted(history, key=lambda c: -c.id):
            slow = checkpoints.age_ms(checkpoint, now_ms) >= self._settings.slow_checkpoint_ms
            failed = checkpoint.status == "FAILED"
            version = f"{checkpoint.id}|{checkpoint.status}"
            details = subtasks = None
            slowest = ""
            if (slow or failed) and room >= 2:
                progress = f"{version}|{checkpoint.num_acknowledged_subtasks}"
                if self._told.is_new(f"{progress}|details"):
                    room -= 2
                    self._extra -= 2
                    base = f"/jobs/{self.job.jid}/checkpoints/details/{checkpoint.id}"
                    details = await asking.ask(base, CheckpointDetails)
                    slowest = checkpoints.slowest(details, list(self.vertices)) if details else ""
                    if slowest:
                        subtasks = await asking.ask(
                            f"{base}/subtasks/{slowest}", CheckpointSubtasks
                        )
            if self._told.is_new(version) or details is not None:
                event = checkpoints.checkpoint_event(
                    checkpoint,
                    origin=origins.next("", *self.key),
                    job=self.job.jid,
                    start_ms=self.job.start_time,
                    details=details,
                    slowest_vertex=slowest,
                    subtasks=subtasks,
                )
                self.heard.events.append(event)


def _container(subtask: Subtask) -> str:
    """Flink writes "(unassigned)" where a subtask has no slot."""
    return "" if subtask.taskmanager_id.startswith("(") else subtask.taskmanager_id


def _age_ms(details: VertexDetails) -> int:
    return details.now - max((s.start_time for s in details.subtasks), default=0)


def _suspect(vertex: VertexState, overview: VertexOverview, elapsed_ms: int) -> None:
    io = translate.io_numbers(overview.metrics)
    counted_ms = int(io.get("accumulateBackPressuredTimeMs", 0) + io.get("accumulateBusyTimeMs", 0))
    if overview.status not in ("RUNNING", "FINISHED"):
        vertex.suspicion = 1.0
    elif elapsed_ms > 0 and counted_ms != vertex.counted_ms:
        share = (counted_ms - vertex.counted_ms) / elapsed_ms / max(1, overview.parallelism)
        vertex.suspicion = share if share >= BUSY_OR_PRESSURED_SHARE else 0.0
    vertex.counted_ms = counted_ms
