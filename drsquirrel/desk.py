"""The desk: rounds of clusters in, reports out. Joins watch and diagnose; no I/O, no clock."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from drsquirrel.collect.flink_rest.clock import ahead_ms, by_our_clock
from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.deep import EARLY_MS, UNTOLD_MS, DeepTier, left_to_rest
from drsquirrel.diagnose.container import JOBMANAGER, Process, process_of
from drsquirrel.diagnose.hour import minutes_of_hour
from drsquirrel.diagnose.inquiry import Expected, Inquiry
from drsquirrel.diagnose.judge import diagnose
from drsquirrel.diagnose.minute import Minutes
from drsquirrel.heard import HeardRuns
from drsquirrel.model.event import ChangeEvent, Event, Message
from drsquirrel.model.facts import HEARTBEATS, RunSeen, ThreadSample
from drsquirrel.model.identity import job_id, run_id
from drsquirrel.model.report import Action, JobRef, JobRow, RunRef
from drsquirrel.model.snapshot import MINUTE_MS, WINDOW_MS, Rollup, Snapshot, Subject
from drsquirrel.model.state import ENDED_STATES, LOST, UNKNOWN
from drsquirrel.model.verdict import WORST_FIRST
from drsquirrel.on_desk import SETTLED_MS, ClusterDesk, Known, RunDesk, row_of
from drsquirrel.rules.load import Rules
from drsquirrel.watch.fold import fold
from drsquirrel.watch.window import Hours, Windows

LISTED_MS = 24 * 3_600_000
"""A job that is no longer there stays in the list for so long."""
RUNS_MAX = 5_000
"""Of one cluster; beyond, those that have been gone for longest are no longer listed."""
HELD_MINUTES = 3
"""A container serves a run that had subtasks in it in the last minutes."""
NO_REST = (
    "No REST address of this cluster is known: give it as the `url` of its [[cluster]] table, "
    "beside its `name`."
)
KEPT_ACTIONS = 20
KEPT_SAMPLES = 2_000


class Desk:
    """Rounds in, reports out, for any number of clusters. One thread at a time."""

    def __init__(self, rules: Rules, shorten: Callable[[str], str] = str) -> None:
        self.clusters: dict[str, ClusterDesk] = {}
        self.dropped: Counter[str] = Counter()
        self.listens = False
        """Whether what processes with the plugin send is heard here."""
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
            run.last_seen_ms = desk.last_answer_ms = known.last_seen_ms
            ended_ms = min(known.seen.end_ms or known.last_seen_ms, known.last_seen_ms)
            if run.is_over:
                run.settled_ms = ended_ms + SETTLED_MS
            if run.is_over and run.report is not None and now_ms > ended_ms + SETTLED_MS:
                run.settled_ms = run.report.made_ms
            if known.report is not None:
                desk.flink_version = known.report.run.flink_version

    def take(self, cluster: str, found: Round) -> None:
        """Fold what a round brought, note what it lists; a late one only adds to its minutes."""
        desk = self.clusters[cluster]
        desk.began_ms = desk.began_ms or found.arrival_ms
        found = _as_known(desk, found)
        desk.ahead_ms = ahead_ms(found, desk.ahead_ms)
        desk.deep.note_told(found.events)
        told = left_to_rest(found.events, desk.deep.reporting(found.arrival_ms))
        events = (by_our_clock(event, desk.ahead_ms) for event in told)
        self._fold(found.arrival_ms, ((found.arrival_ms, event) for event in events))
        if found.arrival_ms < (desk.last_answer_ms or 0):
            return
        desk.says = found.says
        desk.flink_version = found.flink_version or desk.flink_version
        if found.answered:
            desk.heard = HeardRuns(desk.id, self.dropped)
            self._note_lists(desk, found)
        self._forget(desk, found.arrival_ms)

    def hear(
        self, cluster: str, arrivals: Iterable[tuple[int, Message]], now_ms: int
    ) -> list[Event]:
        """Fold what processes with the plugin sent; returns that of it which is ready."""
        desk = self.clusters[cluster]
        desk.began_ms = desk.began_ms or now_ms
        arrived = list(arrivals)
        is_alone = desk.is_silent(now_ms)
        if is_alone:
            for arrival_ms, message in arrived:
                desk.heard.note(arrival_ms, message)
            self._note_heard(desk, now_ms)
        starts: dict[str, list[int]] = {}
        for run in desk.runs.values():
            starts.setdefault(run.seen.job, []).append(run.seen.start_ms)
        untold_ms = -1 if is_alone else UNTOLD_MS
        ready = desk.deep.take(arrived, starts, now_ms, untold_ms)
        if is_alone:
            ready += self._tasks_heard(desk, now_ms)
            for _, event in ready:
                self._note_state(desk, event, now_ms)
        self._fold(now_ms, ready)
        return [event for _, event in ready]

    def _note_heard(self, desk: ClusterDesk, now_ms: int) -> None:
        """Take over which runs there are from what processes tell, where REST does not."""
        newest = desk.newest_runs()
        for job, heard in desk.heard.told(now_ms).items():
            run = newest.get(job)
            if run is None or (run.is_over and heard.since_ms > (run.seen.end_ms or 0)):
                seen = RunSeen(
                    cluster=desk.id,
                    job=job,
                    start_ms=heard.since_ms,
                    name=heard.name,
                    state=UNKNOWN,
                    is_heard=True,
                )
                run = self._run(desk, seen, now_ms)
            run.last_seen_ms = max(run.last_seen_ms, heard.heard_ms)
            desk.flink_version = heard.flink_version
        for container in desk.deep.reporting(now_ms):
            desk.minutes.setdefault(container, Minutes())

    def _tasks_heard(self, desk: ClusterDesk, now_ms: int) -> list[tuple[int, Event]]:
        newest = desk.newest_runs()
        starts = {job: run.seen.start_ms for job, run in newest.items()}
        totals = {
            job: sum(vertex.parallelism for vertex in run.facts.vertices)
            for job, run in newest.items()
            if run.facts
        }
        return [(now_ms, read) for read in desk.heard.readings(starts, totals, now_ms)]

    def _note_state(self, desk: ClusterDesk, event: Event, now_ms: int) -> None:
        """Take over a run's state from what the JobManager's process tells."""
        if not isinstance(event, ChangeEvent) or not event.job:
            return
        run = desk.runs.get(run_id(desk.id, event.job, event.start_ms))
        if run is None:
            return
        state = event.subject if event.what == "job-state" else LOST
        end_ms = event.time_ms if state in {*ENDED_STATES, LOST} else None
        if event.what == "job-state" or (event.what == "run-ended" and not run.is_over):
            run.see(replace(run.seen, state=state, end_ms=end_ms), now_ms)
            run.last_seen_ms = max(run.last_seen_ms, now_ms)

    def _fold(self, now_ms: int, arrivals: Iterable[tuple[int, Event]]) -> None:
        folded = fold(arrivals)
        self.dropped.update(folded.dropped)
        self.dropped.update(self._hours.add(folded.rollups))
        self.dropped.update(self._windows.add(now_ms, folded.rollups))

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
                # RunSeen tells times by the JobManager's clock.
                end_ms = run.last_seen_ms + desk.ahead_ms
                run.see(replace(run.seen, state=LOST, end_ms=end_ms), now_ms)

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
            for id_, run in list(of.runs.items()):
                if of.told_ms - run.last_seen_ms > LISTED_MS:
                    del of.runs[id_]
            gone = [r for r in of.runs.values() if r.last_seen_ms < of.told_ms]
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
        judged = [run for run in desk.runs.values() if not self._is_done(desk, run)]
        processes = self._processes(desk, now_ms) if judged else {}
        for run in judged:
            inquiry = self._inquiry(desk, run, processes, now_ms)
            result = diagnose(inquiry, run.memory, self._rules, run.minutes, now_ms)
            run.report, run.memory = result.report, result.memory
            run.wants_threads, run.up_ms = result.wants_threads, result.up_ms
        return judged

    def _is_done(self, desk: ClusterDesk, run: RunDesk) -> bool:
        """Whether nothing is to be added to what was said of a run."""
        told = run.report is not None and run.report.run.state == run.seen.state
        is_left = desk.containers is None and run.is_over and told
        return is_left or run.is_closed

    def _processes(self, desk: ClusterDesk, now_ms: int) -> dict[str, Process]:
        runs_in = self._runs_in(desk, now_ms)
        alive = desk.containers or {}
        reporting = desk.deep.reporting(now_ms)
        jobmanager = alive.get(JOBMANAGER)
        heartbeats = (jobmanager and jobmanager.heartbeats) or HEARTBEATS
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
                heartbeats=heartbeats,
            )
            for container, memo in desk.minutes.items()
        }

    def _runs_in(self, desk: ClusterDesk, now_ms: int) -> dict[str, set[str]]:
        """The live runs that had subtasks in each container in the last minutes."""
        found: dict[str, set[str]] = {}
        newest = range(now_ms // MINUTE_MS - HELD_MINUTES + 1, now_ms // MINUTE_MS + 1)
        for run in desk.runs.values():
            rollups = {} if run.is_over else self._hours.of(run.subject)
            tracks = (t for m in newest if m in rollups for t in rollups[m].tracks)
            for container in {t.key.container for t in tracks if t.key.vertex}:
                found.setdefault(container, set()).add(run.id)
        return found

    def _inquiry(
        self, desk: ClusterDesk, run: RunDesk, processes: Mapping[str, Process], now_ms: int
    ) -> Inquiry:
        seen, heard = run.seen, desk.heard.runs.get(run.seen.job)
        return Inquiry(
            job=run.job,
            run=RunRef(
                id=run.id,
                job_id=seen.job,
                start_ms=seen.start_ms,
                state=seen.state,
                end_ms=seen.end_ms,
                flink_version=desk.flink_version,
                is_heard=seen.is_heard,
            ),
            seen=seen,
            facts=run.facts,
            expected=Expected(
                interval_ms=desk.interval_ms,
                last_answer_ms=desk.last_answer_ms,
                heard_ms=heard.heard_ms if heard else None,
                cluster_says=desk.says,
                plugin=desk.deep.reporting(now_ms) if self.listens else None,
                ahead_ms=desk.ahead_ms,
            ),
            rollups=self._hours.of(run.subject),
            processes=processes,
            threads=run.threads,
            actions=run.actions,
            dumps_allowed=desk.dumps_allowed,
        )

    def note_threads(
        self, run: RunDesk, samples: Iterable[ThreadSample], actions: Iterable[Action]
    ) -> None:
        """Keep what a thread dump showed, and that it was taken."""
        run.threads = (*run.threads, *samples)[-KEPT_SAMPLES:]
        run.actions = (*run.actions, *actions)[-KEPT_ACTIONS:]

    def snapshots(self, now_ms: int) -> list[Snapshot]:
        """The windows that have grown since the last call, the open ones too."""
        return self._windows.grown(now_ms)

    def job_rows(self) -> list[JobRow]:
        """One row per job, worst first: its worst run of those still there, else its latest."""
        of_job: dict[str, list[RunDesk]] = {}
        for desk in self.clusters.values():
            for run in desk.runs.values():
                if run.report is not None:
                    of_job.setdefault(run.job.id, []).append(run)
        rows = [row_of(runs) for runs in of_job.values()]
        return sorted(
            rows, key=lambda r: (WORST_FIRST.index(r.verdict), r.since_ms or 0, r.job.name)
        )


def _as_known(desk: ClusterDesk, found: Round) -> Round:
    """The round with the start under which a run is known that was heard of before REST told of
    it. Its true start is before that; a later one is of another run."""
    known = {run.seen.job: run.seen for run in desk.runs.values() if run.seen.is_heard}
    starts = {
        (seen.job, seen.start_ms): known[seen.job].start_ms
        for seen in found.runs
        if seen.job in known and seen.start_ms < known[seen.job].start_ms + EARLY_MS
    }
    if not starts:
        return found
    return replace(
        found,
        runs=tuple(
            replace(seen, start_ms=start_ms, is_heard=True)
            if (start_ms := starts.get((seen.job, seen.start_ms)))
            else seen
            for seen in found.runs
        ),
        events=[
            replace(event, start_ms=starts.get((event.job, event.start_ms), event.start_ms))
            for event in found.events
        ],
    )
