"""Watches one cluster: what to ask in a round, in which order, and what the answers come to.

Flink brings its metrics up to date only when asked, at most every 10 s, and for the whole cluster
at once; the first answer is the old one. So a round asks once, waits a moment, and then reads. When
the update happened is told by a running job's uptime metric: it is the time of all that was
counted. Where no update happened since the last round nothing counted is passed on, so values that
stand still (one TaskManager that hangs freezes all) become silence, not measurements.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from msgspec import Struct

from drsquirrel.collect.flink_rest import translate
from drsquirrel.collect.flink_rest.answer import (
    Config,
    Job,
    Jobs,
    Option,
    TaskManager,
    TaskManagers,
)
from drsquirrel.collect.flink_rest.asking import Asking
from drsquirrel.collect.flink_rest.client import Get
from drsquirrel.collect.flink_rest.error import FlinkError
from drsquirrel.collect.flink_rest.jobmanager import JobManagerWatch
from drsquirrel.collect.flink_rest.origin import Origins
from drsquirrel.collect.flink_rest.process import ProcessWatch
from drsquirrel.collect.flink_rest.report import reports
from drsquirrel.collect.flink_rest.run import JOB_REQUESTS, RunWatch
from drsquirrel.collect.flink_rest.settings import PollSettings
from drsquirrel.collect.flink_rest.turns import Candidate, in_turn
from drsquirrel.model.clock import Clock
from drsquirrel.model.event import ChangeEvent, Event
from drsquirrel.model.facts import ContainerFacts, RunSeen
from drsquirrel.model.state import ENDED_STATES

RunKey = tuple[str, int]
JOBS_SHARE = 0.4
CONTAINERS_SHARE = 0.2
OPERATORS_SHARE = 0.3
REGISTERING_MS = 60_000
"""So long after a start of the JobManager a TaskManager that is not listed may yet come back."""
DUE_SOON_MS = 2_000
DUE_MARGIN_MS = 50
STALE_UPDATES = 3
PATIENCE_TIMES = 2
SAME_TIME_MS = 1_000
START_EVERY_ROUNDS = 4


class Round(Struct, frozen=True, kw_only=True):
    """What one round brought. `says` is a sentence where something is wrong, else empty."""

    arrival_ms: int
    answered: bool
    says: str = ""
    events: list[Event] = []
    runs: tuple[RunSeen, ...] = ()
    containers: tuple[ContainerFacts, ...] = ()
    flink_version: str = ""
    requests: int = 0
    bytes: int = 0
    took_ms: int = 0
    vertices_covered: int = 0
    vertices_skipped: int = 0


class ClusterWatch:
    """One cluster, asked through `get`. `received_bytes` tells what the client has read so far."""

    def __init__(
        self,
        cluster: str,
        get: Get,
        clock: Clock,
        settings: PollSettings,
        sign: Callable[[str], str],
        received_bytes: Callable[[], int] = lambda: 0,
    ) -> None:
        self.cluster = cluster
        self.elsewhere: frozenset[str] = frozenset()
        """The processes whose metrics come from elsewhere: they are asked for now and then only."""
        self._get = get
        self._clock = clock
        self._settings = settings
        self._sign = sign
        self._received_bytes = received_bytes
        self._origins = Origins(cluster, secrets.token_hex(4))
        self._runs: dict[RunKey, RunWatch] = {}
        self._jobmanager = JobManagerWatch()
        self._taskmanagers: dict[str, ProcessWatch] = {}
        self._connected = False
        self._restarted = False
        self._round = 0
        self._offset_ms = 0
        self._updated_ms = 0
        self._moved_ms = 0
        self._registering_until_ms = 0
        self._listed: dict[str, TaskManager] = {}
        self._gone = ""

    async def round(self) -> Round:
        """Ask the cluster once; never raises FlinkError."""
        began_ms = self._clock.now_ms()
        bytes_before = self._received_bytes()
        asking = Asking(self._get)
        events: list[Event] = []
        self._round += 1
        for process in self._processes():
            process.counted = []
        try:
            await self._ask(asking, events)
            heard = True
        except FlinkError as error:
            asking.notes.insert(0, str(error))
            heard = False
        self._connected = heard and not asking.lost
        now_ms = self._clock.now_ms()
        live = [run for run in self._runs.values() if not run.has_ended]
        covered = [v.covered_round for run in live for v in run.vertices.values()]
        return Round(
            arrival_ms=now_ms,
            answered=self._connected,
            says=" ".join(asking.notes),
            events=events,
            runs=tuple(run.seen(self.cluster) for run in self._runs.values()) if heard else (),
            containers=tuple(p.facts(self.cluster) for p in self._processes()) if heard else (),
            flink_version=self._origins.flink_version,
            requests=asking.requests,
            bytes=self._received_bytes() - bytes_before,
            took_ms=now_ms - began_ms,
            vertices_covered=covered.count(self._round),
            vertices_skipped=len(covered) - covered.count(self._round),
        )

    def tell_again(self) -> None:
        """Tell all failures, checkpoints and changes once more: a round may have been lost."""
        for run in self._runs.values():
            run.tell_again()

    async def _ask(self, asking: Asking, events: list[Event]) -> None:
        if not self._connected:
            config = await asking.must("/config", Config)
            self._origins.flink_version = config.flink_version
        overview, listed = await asyncio.gather(
            asking.must("/jobs/overview", Jobs), asking.must("/taskmanagers", TaskManagers)
        )
        now_ms = self._jobmanager_now(overview.jobs)
        if self._may_be_another(overview.jobs):
            await self._see_jobmanager(asking, events, now_ms)
        self._see_taskmanagers(listed.taskmanagers, events, now_ms)
        self._see_runs(overview.jobs)
        refreshed_ms, cpu_before = await self._refresh(asking)
        asked = self._runs_in_turn()
        await asyncio.gather(
            *(run.ask_job(asking, self._origins, now_ms, self._round) for run in asked)
        )
        updated_ms = await self._updated(asked, refreshed_ms, cpu_before, asking)
        await self._ask_vertices(asking, updated_ms)
        await self._ask_containers(asking, updated_ms is not None)
        self._report(events, now_ms, updated_ms)

    def _jobmanager_now(self, jobs: Iterable[Job]) -> int:
        """The JobManager's clock: a job that has not ended says when it began and for how long."""
        ours_ms = self._clock.now_ms()
        for job in jobs:
            if job.state not in ENDED_STATES:
                self._offset_ms = job.start_time + job.duration - ours_ms
                break
        return self._now_ms()

    def _now_ms(self) -> int:
        return self._clock.now_ms() + self._offset_ms

    def _may_be_another(self, jobs: Iterable[Job]) -> bool:
        """Whether the JobManager may have been restarted: it was silent, its CPU time fell, or it
        forgot a run that had not ended. One without runs is looked at now and then."""
        listed = {(job.jid, job.start_time) for job in jobs}
        live = {key for key, run in self._runs.items() if not run.has_ended}
        due = not live and self._round % START_EVERY_ROUNDS == 0
        return due or bool(live - listed) or self._restarted or not self._connected

    async def _see_jobmanager(self, asking: Asking, events: list[Event], now_ms: int) -> None:
        options = await asking.ask("/jobmanager/config", tuple[Option, ...]) or ()
        if self._jobmanager.is_another(options):
            self._runs.clear()
            self._origins.forget_all()
            self._registering_until_ms = now_ms + REGISTERING_MS
            origin = self._origins.next()
            events.append(ChangeEvent(origin=origin, time_ms=now_ms, what="jobmanager-start"))

    def _see_taskmanagers(
        self, listed: Iterable[TaskManager], events: list[Event], now_ms: int
    ) -> None:
        known_first = sorted(listed, key=lambda t: t.id not in self._taskmanagers)
        self._listed = {t.id: t for t in known_first[: self._settings.taskmanagers_max]}
        for id_, process in list(self._taskmanagers.items()):
            now = self._listed.get(id_)
            same = now is not None and process.listed and now.data_port == process.listed.data_port
            if same or (now is None and now_ms < self._registering_until_ms):
                continue
            self._gone = id_
            events.append(self._change("container-gone", id_, now_ms))
            self._origins.forget_container(id_)
            del self._taskmanagers[id_]
        for id_, taskmanager in self._listed.items():
            if id_ not in self._taskmanagers:
                self._taskmanagers[id_] = ProcessWatch(taskmanager)
                events.append(self._change("container-seen", id_, now_ms))
            self._taskmanagers[id_].listed = taskmanager

    def _change(
        self, what: Literal["container-seen", "container-gone"], id_: str, now_ms: int
    ) -> ChangeEvent:
        origin = self._origins.next(id_)
        return ChangeEvent(origin=origin, time_ms=now_ms, what=what, subject=id_)

    def _see_runs(self, jobs: Iterable[Job]) -> None:
        live_first = sorted(jobs, key=lambda j: (j.state in ENDED_STATES, -j.start_time))
        known, self._runs = self._runs, {}
        for job in live_first[: self._settings.jobs_max]:
            key = (job.jid, job.start_time)
            run = known.pop(key, None) or RunWatch(job, self._settings, self._sign)
            run.begin(job, connecting=not self._connected)
            self._runs[key] = run
        for job_id, start_ms in known:
            self._origins.forget_run(job_id, start_ms)

    def _runs_in_turn(self) -> list[RunWatch]:
        candidates = [
            Candidate(key, run.job_requests(self._round), float(run.is_down))
            for key, run in self._runs.items()
            if run.wants_asking
        ]
        budget = max(JOB_REQUESTS, int(JOBS_SHARE * self._settings.requests_per_round))
        keys = in_turn(candidates, budget, lambda key: self._runs[key].covered_round)
        return [self._runs[key] for key in keys]

    async def _refresh(self, asking: Asking) -> tuple[int, int | None]:
        """Ask about a metric, so that Flink brings all up to date; when that was, and the CPU time
        the JobManager told where no running job could tell how old its metrics are.

        An update that is due in a moment is waited for: else a request of ours in mid-round would
        begin it, and the values of this round would be of two times.
        """
        told = [r for r in self._runs.values() if r.job.state == "RUNNING" and r.was_up]
        if not told:
            refreshed_ms = self._now_ms()
            return refreshed_ms, await self._jobmanager.refresh(asking, self._round)
        witness = told[0]
        refreshed_ms = self._now_ms()
        await witness.ask_restarts(asking)
        updated_ms = witness.updated_ms(refreshed_ms)
        if updated_ms is not None:
            due_in_ms = updated_ms + self._jobmanager.update_ms - refreshed_ms
            if 0 <= due_in_ms <= DUE_SOON_MS:
                await self._clock.sleep((due_in_ms + DUE_MARGIN_MS) / 1000)
                refreshed_ms = self._now_ms()
                await witness.ask_restarts(asking, again=True)
        return refreshed_ms, None

    async def _updated(
        self, asked: list[RunWatch], refreshed_ms: int, cpu_before: int | None, asking: Asking
    ) -> int | None:
        """Wait until Flink has brought its metrics up to date; when it did, None if it did not
        since the last round.

        Where no running job tells when, it did when we asked, or we do not know.
        """
        await self._clock.sleep(self._settings.settle_s)
        jobmanager = self._jobmanager
        cpu_known = max(jobmanager.cpu_time_ns, cpu_before or 0)
        await asyncio.gather(
            jobmanager.ask(asking, self._round),
            *(run.ask_restarts(asking) for run in asked if not run.has_ended),
        )
        self._restarted = jobmanager.cpu_time_ns < cpu_known
        has_moved = jobmanager.cpu_time_ns != cpu_known
        self._moved_ms = refreshed_ms if has_moved else self._moved_ms
        told = [run for run in asked if run.updated_ms(self._now_ms()) is not None]
        if not told:
            self._are_frozen(self._moved_ms, asking)
            return refreshed_ms if has_moved and cpu_before is not None else None
        witness = max(told, key=lambda run: run.updated_ms(self._now_ms()) or 0)
        updated_ms = witness.updated_ms(self._now_ms()) or 0
        for _ in range(PATIENCE_TIMES):
            if refreshed_ms - updated_ms <= jobmanager.update_ms:
                break
            # It was due when we asked, so it is under way: the cluster is slow, or hangs.
            await self._clock.sleep(self._settings.settle_s)
            await witness.ask_restarts(asking, again=True)
            updated_ms = witness.updated_ms(self._now_ms()) or updated_ms
        return self._if_new(updated_ms, asking)

    def _if_new(self, updated_ms: int, asking: Asking) -> int | None:
        before_ms = self._updated_ms
        # It goes back where a job has restarted between the two answers that tell it together.
        if updated_ms < before_ms - SAME_TIME_MS or self._are_frozen(updated_ms, asking):
            return None
        self._updated_ms = max(before_ms, updated_ms)
        return updated_ms if updated_ms > before_ms else None

    def _are_frozen(self, updated_ms: int, asking: Asking) -> bool:
        """Whether metrics that were last updated then (0: never) stand still; that is said."""
        now_ms = self._now_ms()
        stale_ms = max(self._settings.stale_ms, STALE_UPDATES * self._jobmanager.update_ms)
        if not 0 < updated_ms < now_ms - stale_ms:
            return False
        asking.notes.append(self._frozen(now_ms - updated_ms, now_ms))
        return True

    def _frozen(self, age_ms: int, now_ms: int) -> str:
        """Why nothing counted comes: one TaskManager that hangs stops the metrics of all, even when
        it is no longer listed."""
        sentence = f"Flink's metrics have stood still for {age_ms // 1000} s"
        silent = min(self._listed.values(), key=lambda t: t.last_heartbeat_ms, default=None)
        silent_ms = now_ms - silent.last_heartbeat_ms if silent is not None else 0
        if silent is not None and silent_ms > self._jobmanager.heartbeats.late_ms:
            return (
                f"{sentence}: TaskManager {silent.id} was last heard of {silent_ms // 1000} s ago."
            )
        if self._gone:
            return f"{sentence}: TaskManager {self._gone} is gone and may still hang."
        return f"{sentence}: a TaskManager may hang, or the JobManager is overloaded."

    async def _ask_vertices(self, asking: Asking, updated_ms: int | None) -> None:
        live = {key: run for key, run in self._runs.items() if not run.has_ended}
        room = self._settings.requests_per_round - asking.requests
        room -= min(len(self._taskmanagers), self._container_requests)
        extra = sum(run.extra_requests for run in live.values())
        chosen = in_turn(
            [c for run in live.values() for c in run.candidates(self._round, self.elsewhere)],
            room - min(extra, int(OPERATORS_SHARE * room)),
            lambda key: live[key[0]].vertices[key[1]].covered_round,
        )
        room -= len(chosen)
        ids = {key: [id_ for of_run, id_ in chosen if of_run == key] for key in live}
        asks = []
        for key in self._operators_in_turn(ids, room):
            run = live[key]
            requests = run.operator_turns(ids[key], self._round, room)
            room -= sum(requests.values())
            asks += [
                run.vertices[id_].ask(asking, run.heard, self._round, updated_ms, requests[id_])
                for id_ in ids[key]
            ]
        await asyncio.gather(*asks)

    def _operators_in_turn(self, ids: Mapping[RunKey, list[str]], room: int) -> list[RunKey]:
        """The runs of the vertices chosen, in the order in which their operators are asked: within
        half of the room those in which something works hard, since there it matters whether the
        sources fall behind; then who has waited longest."""
        waiting = sorted(ids, key=lambda key: self._runs[key].operators_round)
        first: list[RunKey] = []
        left = room // 2
        for key in sorted(waiting, key=lambda key: -self._runs[key].suspicion):
            run = self._runs[key]
            cost = sum(run.operator_turns(ids[key], self._round, room).values())
            if run.suspicion and cost <= left:
                left -= cost
                first.append(key)
        return first + [key for key in waiting if key not in set(first)]

    @property
    def _container_requests(self) -> int:
        return max(1, int(CONTAINERS_SHARE * self._settings.requests_per_round))

    async def _ask_containers(self, asking: Asking, updated: bool) -> None:
        """Ask the TaskManagers for their metrics, if updated, and for the names of these."""
        late = {id_ for run in self._runs.values() for id_ in run.heard.late}
        spared = {i for i, p in self._taskmanagers.items() if p.is_known and i in self.elsewhere}
        room = max(self._container_requests, self._settings.requests_per_round - asking.requests)
        ids = in_turn(
            [
                Candidate(id_)
                for id_, process in self._taskmanagers.items()
                if not process.names or (updated and id_ not in late and id_ not in spared)
            ],
            room,
            lambda id_: self._taskmanagers[id_].covered_round,
        )
        await asyncio.gather(*(self._taskmanagers[i].ask(asking, self._round) for i in ids))

    def _report(self, events: list[Event], now_ms: int, updated_ms: int | None) -> None:
        for run in self._runs.values():
            heard = run.heard
            counted = [("", heard.restarts), *heard.counted]
            events += reports(self._origins, heard.live, counted, now_ms, updated_ms, *run.key)
            events += heard.events
        live = [(i, translate.taskmanager_values(t, now_ms)) for i, t in self._listed.items()]
        counted = [(p.id, values) for p in self._processes() for values in p.counted]
        events += reports(self._origins, live, counted, now_ms, updated_ms)

    def _processes(self) -> list[ProcessWatch]:
        return [self._jobmanager, *self._taskmanagers.values()]
