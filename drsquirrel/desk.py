"""The desk: rounds of clusters in, reports out. Joins watch and diagnose; no I/O, no clock."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec.structs import replace

from drsquirrel.collect.flink_rest.clock import ahead_ms, by_our_clock
from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.deep import (
    EARLY_MS,
    FRESH_MS,
    PROCESSES_MAX,
    UNTOLD_MS,
    Arrival,
    DeepTier,
    as_folded,
    left_to_rest,
    usable,
)
from drsquirrel.diagnose.container import JOBMANAGER, Process, process_of
from drsquirrel.diagnose.hour import minutes_of_hour
from drsquirrel.diagnose.inquiry import Expected, Inquiry
from drsquirrel.diagnose.judge import diagnose
from drsquirrel.diagnose.minute import Minutes
from drsquirrel.heard import HeardRun, HeardRuns
from drsquirrel.heard_tasks import Listed
from drsquirrel.model.event import ChangeEvent, Event, Message, MetricReport
from drsquirrel.model.facts import HEARTBEATS, RunSeen
from drsquirrel.model.identity import job_id, run_id
from drsquirrel.model.report import JobRef, JobRow, RunRef
from drsquirrel.model.snapshot import MINUTE_MS, WINDOW_MS, Rollup, Snapshot, Subject
from drsquirrel.on_desk import NO_REST, SETTLED_MS, ClusterDesk, Known, RunDesk, rows_of
from drsquirrel.rules.load import Rules
from drsquirrel.same_run import (
    answered_ms,
    as_known,
    began_of,
    ended_ms,
    lose,
    note_state,
    off_by_ms,
    seen_of,
    was_there,
)
from drsquirrel.watch.fold import fold
from drsquirrel.watch.limit import LIMITS
from drsquirrel.watch.window import Hours, Windows

LATEST_MS = LIMITS.hour_minutes * MINUTE_MS
"""What comes later changes no minute of the hour."""
LISTED_MS = 24 * 3_600_000
"""A job that is no longer there stays in the list for so long."""
RUNS_MAX = 5_000
"""Of one cluster; beyond, those that have been gone for longest are no longer listed."""


class Desk:
    """Rounds in, reports out, for any number of clusters. One thread at a time."""

    silent_ms = FRESH_MS
    """After so long it is known that a cluster sends nothing."""
    plugin_interval_ms = 0
    """How often what processes send comes here; 0 where that is as often as REST is asked."""

    def __init__(self, rules: Rules, shorten: Callable[[str], str] = str) -> None:
        self.clusters: dict[str, ClusterDesk] = {}
        self.dropped: Counter[str] = Counter()
        self.late_total = 0
        """Events that came too late to change the hour."""
        self.listens = False
        """Whether what processes with the plugin send is heard here."""
        self.kafka_says = ""
        """What is wrong with Kafka; "" while all is well, or nobody listens."""
        self._rules = rules
        self._shorten = shorten
        self._hours = Hours()
        self._windows = Windows()
        self._minute = 0

    def add_cluster(
        self, cluster: str, interval_ms: int, dumps_allowed: bool, *, asks_rest: bool = True
    ) -> None:
        """Begin to watch a cluster."""
        self.clusters[cluster] = ClusterDesk(
            cluster,
            interval_ms,
            dumps_allowed,
            DeepTier(self.dropped),
            HeardRuns(cluster, self.dropped),
            asks_rest,
            says="" if asks_rest else NO_REST,
        )

    def forget(self, cluster: str) -> None:
        """Watch a cluster no more."""
        del self.clusters[cluster]

    def restore(
        self, cluster: str, snapshots: Iterable[Snapshot], runs: Iterable[Known], now_ms: int
    ) -> None:
        """Take up where another process left off: what was said of a run that is over stays."""
        desk = self.clusters[cluster]
        for snapshot in snapshots:
            self.dropped.update(self._hours.add(snapshot.rollups))
            if snapshot.window_ms + WINDOW_MS > now_ms:  # it may grow, and is stored as a whole
                self._windows.add(snapshot.window_ms, snapshot.rollups)
            if not snapshot.subject.is_run:
                desk.minutes.setdefault(snapshot.subject.container, Minutes())
        for known in sorted(runs, key=lambda known: known.last_seen_ms):
            run = self._run(desk, known.seen, known.last_seen_ms)
            run.facts, run.memory, run.report = known.facts, known.memory, known.report
            run.last_seen_ms = known.last_seen_ms
            if (answered := answered_ms(known)) is not None:
                desk.last_answer_ms = max(desk.answered_ms, answered)
            over_ms = min(known.seen.end_ms or known.last_seen_ms, known.last_seen_ms)
            if run.is_over:
                run.settled_ms = over_ms + SETTLED_MS
            if run.is_over and run.report is not None and now_ms > over_ms + SETTLED_MS:
                run.settled_ms = run.report.made_ms
            if known.report is not None:
                desk.flink_version = known.report.run.flink_version
                desk.yarn = known.report.yarn or desk.yarn

    def take(self, cluster: str, found: Round) -> None:
        """Fold what a round brought, note what it lists; a late one only adds to its minutes."""
        desk = self.clusters[cluster]
        desk.began_ms = desk.began_ms or found.arrival_ms
        desk.ahead_ms = ahead_ms(found, desk.ahead_ms)
        found = as_known(desk, found)
        desk.deep.note_told(found.events)
        told = left_to_rest(found.events, desk.deep.reporting(found.arrival_ms))
        events = (by_our_clock(event, desk.ahead_ms) for event in told)
        self._fold(found.arrival_ms, ((found.arrival_ms, event) for event in events))
        if found.arrival_ms < desk.answered_ms:
            return
        desk.says = found.says
        desk.flink_version = found.flink_version or desk.flink_version
        if found.answered:
            self._note_lists(desk, found)
        self._forget(desk, found.arrival_ms)

    def waiting(self) -> dict[str, int]:
        """By cluster, since when the oldest waits of what was heard and cannot be folded yet."""
        waits = {id_: desk.deep.waiting_since_ms() for id_, desk in self.clusters.items()}
        return {id_: since_ms for id_, since_ms in waits.items() if since_ms is not None}

    def is_full(self) -> bool:
        """Whether what is taken in would soon be dropped before it is stored."""
        return self._windows.is_full()

    def hear(
        self, cluster: str, arrivals: Iterable[tuple[int, Message]], now_ms: int
    ) -> list[Event]:
        """Fold what processes with the plugin sent; returns that of it which is ready."""
        desk = self.clusters[cluster]
        desk.began_ms = desk.began_ms or now_ms
        arrived = usable(arrivals, now_ms)
        counted = self._listen(desk, arrived, now_ms)
        began = began_of(desk)
        untold_ms = -1 if desk.is_silent(now_ms) else UNTOLD_MS
        ready = desk.deep.take(arrived, began, now_ms, untold_ms)
        if desk.ahead_ms:
            ready = [
                (ms, replace(e, start_ms=began[e.job][e.start_ms]) if e.job else e)
                for ms, e in ready
            ]
        ready += counted
        for arrival_ms, event in ready:
            if isinstance(event, ChangeEvent) and arrival_ms >= desk.answered_ms - EARLY_MS:
                note_state(desk, arrival_ms, event, now_ms)
        self._fold(now_ms, ready)
        return [as_folded(arrival_ms, event) for arrival_ms, event in ready]

    def _listen(
        self, desk: ClusterDesk, arrived: Sequence[tuple[int, Message]], now_ms: int
    ) -> list[Arrival]:
        """Take over which runs there are from what processes tell, where REST does not; returns
        readings of how many of their tasks run."""
        told = desk.heard.note(arrived, now_ms)
        if not desk.is_silent(now_ms):
            return []
        self._note_heard(desk, told, arrived, now_ms)
        return self._tasks_heard(desk, now_ms)

    def _note_heard(
        self,
        desk: ClusterDesk,
        told: Mapping[str, HeardRun],
        arrived: Iterable[tuple[int, Message]],
        now_ms: int,
    ) -> None:
        newest = desk.newest_runs() if told else {}
        for job, heard in told.items():
            run = newest.get(job)
            if run is None or (run.is_over and heard.goes_on_after(ended_ms(desk, run.seen))):
                run = self._run(desk, seen_of(desk.id, job, heard), now_ms)
            run.last_seen_ms = max(run.last_seen_ms, now_ms)
            desk.flink_version = heard.flink_version or desk.flink_version
        for container in {m.origin.container for _, m in arrived if isinstance(m, MetricReport)}:
            if container not in desk.minutes and len(desk.minutes) < PROCESSES_MAX:
                desk.minutes[container] = Minutes()

    def _tasks_heard(self, desk: ClusterDesk, now_ms: int) -> list[Arrival]:
        newest: dict[str, RunDesk] = {}

        def listed(job: str) -> Listed | None:
            newest.update({} if newest else desk.newest_runs())
            run = newest.get(job)
            if run is None:
                return None
            plan = {v.id: v.parallelism for v in run.facts.vertices} if run.facts else {}
            return Listed(run.seen.start_ms, plan, run.seen.job_type == "BATCH")

        read = desk.heard.readings(listed, now_ms)
        return [(min(now_ms, report.time_ms), report) for report in read]

    def _fold(self, now_ms: int, arrivals: Iterable[tuple[int, Event]]) -> None:
        arrived = list(arrivals)
        self.late_total += sum(now_ms - arrival_ms > LATEST_MS for arrival_ms, _ in arrived)
        folded = fold(arrived)
        self.dropped.update(folded.dropped)
        self._merge(now_ms, folded.rollups)

    def _merge(self, now_ms: int, rollups: list[Rollup]) -> None:
        self.dropped.update(self._hours.add(rollups))
        self.dropped.update(self._windows.add(now_ms, rollups))

    def _note_lists(self, desk: ClusterDesk, found: Round) -> None:
        now_ms = found.arrival_ms
        desk.last_answer_ms = now_ms
        desk.containers = {c.id: c for c in found.containers}
        for container in desk.containers:
            desk.minutes.setdefault(container, Minutes())
        listed = {self._run(desk, seen, now_ms).id for seen in found.runs}
        for run in desk.runs.values():
            if run.id in listed:
                run.last_seen_ms = now_ms
            elif not run.is_over:
                lose(desk, run, now_ms)

    def _run(self, desk: ClusterDesk, seen: RunSeen, now_ms: int) -> RunDesk:
        seen = replace(seen, name=self._shorten(seen.name))
        id_ = run_id(desk.id, seen.job, seen.start_ms)
        if id_ not in desk.runs:
            job = JobRef(id=job_id(desk.id, seen.name), cluster=desk.id, name=seen.name)
            desk.runs[id_] = RunDesk(seen=seen, job=job, id=id_)
        desk.runs[id_].see(seen, now_ms)
        return desk.runs[id_]

    def _forget(self, desk: ClusterDesk, now_ms: int) -> None:
        """Once a minute, what is older than a day, or the hour, and what is too much."""
        if now_ms // MINUTE_MS <= self._minute:
            return
        self._minute = now_ms // MINUTE_MS
        self._hours.expire(now_ms)
        for of in self.clusters.values():
            told_ms = of.told_ms(now_ms)
            for id_, run in list(of.runs.items()):
                if told_ms - run.last_seen_ms > LISTED_MS:
                    del of.runs[id_]
            gone = [r for r in of.runs.values() if r.last_seen_ms < told_ms]
            gone.sort(key=lambda run: run.last_seen_ms)
            for run in gone[: max(0, len(of.runs) - RUNS_MAX)]:
                del of.runs[run.id]
                self.dropped["too many runs"] += 1
            for container in set(of.minutes) - set(of.containers or ()):
                if not self._of_container(of, container):
                    del of.minutes[container]

    def _of_container(self, desk: ClusterDesk, container: str) -> Mapping[int, Rollup]:
        return self._hours.of(Subject(cluster=desk.id, container=container))

    def judge(self, cluster: str, now_ms: int) -> list[RunDesk]:
        """Judge every run of a cluster that is not closed; returns those judged."""
        desk = self.clusters[cluster]
        judged = [run for run in desk.runs.values() if not desk.is_done(run)]
        at_ms = self.judged_ms(desk, now_ms)
        moments: dict[int, list[RunDesk]] = {}
        for run in judged:
            # What is told of an end is told at once; of what has begun since nothing is told yet.
            was_on = not run.is_over and was_there(desk, run, at_ms)
            moments.setdefault(at_ms if was_on else now_ms, []).append(run)
        reporting = self.reporting(desk, now_ms)
        sending = self._sending(desk, reporting)
        for moment_ms, runs in moments.items():
            processes = self._processes(desk, reporting, moment_ms)
            for run in runs:
                inquiry = self._inquiry(desk, run, processes, sending, moment_ms, now_ms)
                result = diagnose(inquiry, run.memory, self._rules, run.minutes, moment_ms)
                run.report, run.memory = result.report, result.memory
                run.wants_threads, run.up_ms = result.wants_threads, result.up_ms
        return judged

    def judged_ms(self, desk: ClusterDesk, now_ms: int) -> int:
        """The moment that is judged now: what came later is not told yet."""
        return now_ms

    def reporting(self, desk: ClusterDesk, now_ms: int) -> Mapping[str, int]:
        """The processes that send their metrics themselves, and when each was heard last."""
        return desk.deep.reporting(now_ms)

    def _sending(self, desk: ClusterDesk, reporting: Mapping[str, int]) -> Mapping[str, int]:
        """The processes that have the plugin, and when each was heard last."""
        return reporting

    def _processes(
        self, desk: ClusterDesk, reporting: Mapping[str, int], now_ms: int
    ) -> dict[str, Process]:
        runs_in = desk.runs_in(self._hours, now_ms)
        alive = desk.containers or {}
        quiet = desk.heard.quiet(now_ms) if desk.is_silent(now_ms) else {}
        jobmanager = alive.get(JOBMANAGER)
        heartbeats = (jobmanager and jobmanager.heartbeats) or HEARTBEATS
        in_yarn = {c.id: c for c in desk.yarn.containers} if desk.yarn else {}
        return {
            container: process_of(
                container,
                self._of_container(desk, container),
                alive.get(container),
                memo,
                minutes_of_hour(now_ms),
                now_ms,
                runs=frozenset(runs_in.get(container, ())),
                is_listed=desk.containers is not None and container not in reporting,
                quiet_ms=quiet.get(container),
                heartbeats=heartbeats,
                yarn=in_yarn.get(container),
            )
            for container, memo in desk.minutes.items()
        }

    def _inquiry(
        self,
        desk: ClusterDesk,
        run: RunDesk,
        processes: Mapping[str, Process],
        sending: Mapping[str, int],
        at_ms: int,
        now_ms: int,
    ) -> Inquiry:
        seen = run.seen
        ours_ms = off_by_ms(desk, seen)
        rollups = self._hours.of(run.subject)
        if at_ms < now_ms:
            rollups = {m: rollup for m, rollup in rollups.items() if m * MINUTE_MS <= at_ms}
        return Inquiry(
            job=run.job,
            run=RunRef(
                id=run.id,
                job_id=seen.job,
                start_ms=seen.start_ms + ours_ms,
                state=seen.state,
                end_ms=seen.end_ms and seen.end_ms + ours_ms,
                flink_version=desk.flink_version,
                is_heard=seen.is_heard,
            ),
            seen=seen,
            facts=run.facts,
            looked=run.looked,
            expected=self._expected(desk, run, sending, at_ms, now_ms),
            rollups=rollups,
            processes=processes,
            threads=run.threads,
            actions=run.actions,
            dumps_allowed=desk.dumps_allowed,
            yarn=desk.yarn,
        )

    def _expected(
        self, desk: ClusterDesk, run: RunDesk, sending: Mapping[str, int], at_ms: int, now_ms: int
    ) -> Expected:
        heard = desk.heard.runs.get(run.seen.job) if desk.is_silent(at_ms) else None
        return Expected(
            interval_ms=desk.interval_ms,
            last_answer_ms=desk.last_answer_ms,
            heard_ms=heard.heard_ms if heard else None,
            cluster_says=desk.says,
            plugin=sending if self.listens else None,
            plugin_interval_ms=self.plugin_interval_ms or desk.interval_ms,
            kafka_says=self.kafka_says,
            ahead_ms=desk.ahead_ms,
            late_ms=now_ms - at_ms,
        )

    def snapshots(self, now_ms: int) -> list[Snapshot]:
        """The windows that have grown since the last call, the open ones too."""
        return self._windows.grown(now_ms)

    def job_rows(self) -> list[JobRow]:
        """One row per job, worst first."""
        return rows_of(self.clusters.values())
