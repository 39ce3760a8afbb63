"""What is known of one run between rounds, and what it is asked in one."""

from collections.abc import Callable, Collection, Sequence

from drsquirrel.collect.flink_rest import checkpoints, failures, translate
from drsquirrel.collect.flink_rest.address import metric_queries
from drsquirrel.collect.flink_rest.answer import (
    Checkpoint,
    CheckpointDetails,
    Checkpoints,
    CheckpointSubtasks,
    Exceptions,
    Job,
    JobDetails,
    MetricValue,
)
from drsquirrel.collect.flink_rest.asking import Asking
from drsquirrel.collect.flink_rest.heard import Heard
from drsquirrel.collect.flink_rest.origin import Origins
from drsquirrel.collect.flink_rest.settings import PollSettings
from drsquirrel.collect.flink_rest.told import Told
from drsquirrel.collect.flink_rest.turns import Candidate
from drsquirrel.collect.flink_rest.vertex import VertexWatch
from drsquirrel.model.event import ChangeEvent
from drsquirrel.model.facts import RunSeen
from drsquirrel.model.state import ENDED_STATES

ENDED_SETTLED_MS = 5_000
"""So long after its end, what Flink says of a run from its caches of 3 s is final."""
FAILURES_EVERY_ROUNDS = 6
STATES_EVERY_ROUNDS = 6
JOB_REQUESTS = 4
"""For itself, its failures, its checkpoints, and how often it restarted."""
EXTRA_REQUESTS = 5
"""Requests per job and round for operators' metrics and checkpoint details; more where there are
more than ten vertices, fewer in the round that connects, which has others to ask."""
END_AHEAD_ROUNDS = 10
STATES_MAX = 50
"""Of one run; Flink has 10."""
SAME_TIME_MS = 1_000
WRITER = ": Writer"
"""A sink's writer may feed a committer; it is the one that tells."""


class RunWatch:
    """One run; `sign` turns a throwable into its signature."""

    def __init__(self, job: Job, settings: PollSettings, sign: Callable[[str], str]) -> None:
        self.job = job
        self.heard = Heard()
        self.vertices: dict[str, VertexWatch] = {}
        self.covered_round = 0
        self._settings = settings
        self._sign = sign
        self._told = Told(settings.remembered_max)
        self._details: JobDetails | None = None
        self._uptime_ms: int | None = None
        self._stale_uptime_ms: int | None = None
        """As told of the attempt before: while metrics stand still, it is told of this one too."""
        self._extra = 0
        self._happened_round = 0
        self._failures_round = 0
        self._farewell = False

    def job_requests(self, round_: int) -> int:
        """How many requests it takes in a round if nothing happens to it."""
        return JOB_REQUESTS if self.wants_failures(round_) else JOB_REQUESTS - 1

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
    def is_down(self) -> bool:
        """Whether it should run and does not."""
        return self.job.state != "RUNNING" and not self.has_ended

    @property
    def operators_round(self) -> int:
        """When operators of it were last asked."""
        return max((v.operators_round for v in self.vertices.values()), default=0)

    @property
    def suspicion(self) -> float:
        """Of its most suspicious vertex."""
        return max((v.suspicion for v in self.vertices.values()), default=0.0)

    @property
    def was_up(self) -> bool:
        """Whether the last round knew since when it was up."""
        return self._details is not None and bool(self._details.timestamps.get("RUNNING"))

    @property
    def wants_asking(self) -> bool:
        """Not ended, or what it left behind has not been read."""
        return not (self.has_ended and self._farewell)

    def begin(self, job: Job, connecting: bool) -> None:
        """Begin a round with what the live overview says."""
        self.job = job
        if self.heard.uptime_ms is not None:
            self._uptime_ms = self.heard.uptime_ms
        self.heard = Heard(live=[("", translate.job_values(job))])
        self._extra = max(EXTRA_REQUESTS, len(self.vertices) // 2) - 2 * connecting

    def tell_again(self) -> None:
        self._told = Told(self._settings.remembered_max)
        self._failures_round = -FAILURES_EVERY_ROUNDS

    async def ask_job(self, asking: Asking, origins: Origins, now_ms: int, round_: int) -> None:
        """Ask for plan, failures and checkpoints."""
        base = f"/jobs/{self.job.jid}"
        details = await asking.ask(base, JobDetails)
        if details is None or (details.jid, details.start_time) != self.key:
            return
        self.covered_round = round_
        if self._may_have_failed(details):
            self._happened_round = round_
        self._learn(details)
        self._tell_states(details, origins)
        if self.wants_failures(round_):
            exceptions = await asking.ask(f"{base}/exceptions", Exceptions)
            if exceptions is not None:
                self._failures_round = round_
                self._tell_failures(exceptions, origins)
        statistics = await asking.ask(f"{base}/checkpoints", Checkpoints)
        if statistics is not None:
            self.heard.live.append(("", translate.checkpoint_values(statistics.counts)))
            await self._tell_checkpoints(statistics.history, asking, origins, now_ms)
        if not asking.lost and self.has_ended and now_ms - self.job.end_time >= ENDED_SETTLED_MS:
            self._farewell = True

    def wants_failures(self, round_: int) -> bool:
        """Whether its failures are due: something happened, in this round or the one before (Flink
        answers from a cache of 3 s), or they were not read for long."""
        long_ago = round_ - self._failures_round >= FAILURES_EVERY_ROUNDS
        return self._has_happened(round_) or long_ago

    def _has_happened(self, round_: int) -> bool:
        """Whether something happened in this round or the one before."""
        return round_ - self._happened_round <= 1

    def _may_have_failed(self, details: JobDetails) -> bool:
        """Whether its state has changed, or not all of its tasks run. With every failure a job
        turns to another state, if only for a moment; the time of the last change stays."""
        before, tasks = self._details, self.job.tasks
        is_calm = self.job.state == "RUNNING" and tasks.get("total") == (
            tasks.get("running", 0) + tasks.get("finished", 0)
        )
        return before is None or not is_calm or before.timestamps != details.timestamps

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
        if not since_ms or self.heard.uptime_ms in (None, self._stale_uptime_ms):
            return None
        told_ms = since_ms + self.heard.uptime_ms
        # A job that restarts between the two answers adds up to a time that has not come yet.
        return told_ms if told_ms <= now_ms + SAME_TIME_MS else None

    def candidates(
        self, round_: int, elsewhere: Collection[str]
    ) -> list[Candidate[tuple[tuple[str, int], str]]]:
        """Its vertices, to be covered in turns with those of other runs. While nothing happens, of
        those whose processes all tell their metrics `elsewhere` only the states are to be seen."""
        is_calm = not self._has_happened(round_)
        return [
            Candidate((self.key, id_), suspicion=vertex.suspicion)
            for id_, vertex in self.vertices.items()
            if not (
                is_calm
                and vertex.is_within(elsewhere)
                and round_ - vertex.covered_round < STATES_EVERY_ROUNDS
            )
        ]

    def seen(self, cluster: str) -> RunSeen:
        """What Flink's list of jobs says of it."""
        job = self.job
        return RunSeen(
            cluster=cluster,
            job=job.jid,
            start_ms=job.start_time,
            name=job.name,
            state=job.state,
            end_ms=job.end_time if job.end_time > 0 else None,
            job_type=job.job_type,
        )

    def operator_turns(self, chosen: Sequence[str], round_: int, room: int) -> dict[str, int]:
        """For the vertices chosen for this round how many requests about their operators, within
        `room` and what this run may still ask.

        The ends of the graph come first: they count as having waited longer.
        """

        def waiting_since(id_: str) -> int:
            vertex = self.vertices[id_]
            return vertex.operators_round - END_AHEAD_ROUNDS * vertex.is_end

        room = max(0, min(room, self._extra))
        turns: dict[str, int] = {}
        for id_ in sorted(chosen, key=waiting_since):
            turns[id_] = min(room, self.vertices[id_].operator_requests(round_))
            room -= turns[id_]
        return turns

    def _learn(self, details: JobDetails) -> None:
        """Take over the plan, and see which vertices became suspicious since the last time."""
        inputs = {n.id: [i.id for i in n.inputs] for n in details.plan.nodes}
        feeding = {id_ for ids in inputs.values() for id_ in ids}
        overviews = details.vertices[: self._settings.vertices_max]
        listed = {overview.id for overview in overviews}
        self.vertices = {id_: v for id_, v in self.vertices.items() if id_ in listed}
        elapsed_ms = details.now - self._details.now if self._details is not None else 0
        for overview in overviews:
            if overview.id not in self.vertices:
                is_end = not inputs.get(overview.id) or overview.id not in feeding
                self.vertices[overview.id] = VertexWatch(
                    f"/jobs/{self.job.jid}", overview, is_end or WRITER in overview.name
                )
            self.vertices[overview.id].suspect(overview, elapsed_ms)
        before = self._details.timestamps if self._details is not None else {}
        if before.get("RUNNING") != details.timestamps.get("RUNNING"):
            self._stale_uptime_ms = self._uptime_ms
        self._details = details

    def _tell_states(self, details: JobDetails, origins: Origins) -> None:
        newest_last = sorted(details.timestamps.items(), key=lambda item: item[1])
        for state, time_ms in newest_last[-STATES_MAX:]:
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
        for entry, concurrent in failures.failures(exceptions, self._settings.failures_max):
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
        newest_first = sorted(history, key=lambda c: -c.id)
        for checkpoint in newest_first[: self._settings.checkpoints_max]:
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
