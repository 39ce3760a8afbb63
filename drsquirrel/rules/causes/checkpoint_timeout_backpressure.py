"""Checkpoints that expire because their barriers wait behind records."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Case
from drsquirrel.model.facts import CheckpointSettings
from drsquirrel.model.report import Culprit, quoted
from drsquirrel.model.unknown import Unknown
from drsquirrel.rules import expiry, limit
from drsquirrel.rules.cause import (
    Advice,
    Cause,
    Evidence,
    Question,
    decisive,
    impossible,
    opposes,
    strong,
    supports,
    undecided,
    weak,
)
from drsquirrel.rules.operator import short
from drsquirrel.rules.threshold import threshold
from drsquirrel.rules.wording import duration, percent, plural


@dataclass(frozen=True)
class CheckpointTimeoutBackpressure(Cause):
    """Checkpoints expire because backpressure holds up their barriers.

    What is wrong: a barrier stands in line behind the records before it. Where a vertex cannot take
    records fast enough, barriers arrive after the time-out. It is a consequence of that limit.
    How it shows: checkpoints fail as expired, start delay and alignment are most of their time, and
    the vertex that limits the job, or one behind it, has not acknowledged.
    How to fix: remove what limits the job. Until then let barriers overtake records (unaligned
    checkpoints) and keep less in flight (buffer debloating).
    What does not help: a longer time-out alone; more memory; more tolerated failures.
    """

    topic = "barriers held up by backpressure"
    answers = Question.WHY_DO_CHECKPOINTS_FAIL
    explains = (
        "checkpoint-failing",
        "checkpoint-missing",
        "checkpoint-slow",
        "restart-rate-high",
        "restart-loop",
        "job-not-running",
    )

    waiting_share: float = threshold(0.5, unit="of its parts", help="Barriers wait, from here.")

    def weigh(self, case: Case) -> Iterator[Evidence]:
        failed = expiry.failed_now(case)
        if isinstance(failed, Unknown):
            yield undecided("expired", "checkpoints expire?", failed.reason)
            return
        expired = expiry.expired(failed)
        if not expired:
            yield impossible("no checkpoint expired", plural(len(failed), "failure"))
            return
        shown = f"{len(expired)} of {plural(len(failed), 'failure')}"
        yield supports("expired", strong, "checkpoints expired before they completed", shown)
        if isinstance(case.bottlenecks, Unknown):
            yield undecided("pressure", "a vertex limits the job?", case.bottlenecks.reason)
        elif case.bottlenecks:
            name = quoted(case.bottlenecks[0].at.vertex.name)
            yield supports("pressure", strong, f"{name} limits the job, and barriers wait for it")
        else:
            yield opposes("pressure", decisive, "nothing holds records up now")
        share = expiry.waiting_share(case)
        if not isinstance(share, Unknown):
            yes, no = "barriers took most of the time", "writing state took most of the time"
            if share >= self.waiting_share:
                yield supports("part", strong, yes, percent(share))
            else:
                yield opposes("part", strong, no, percent(1 - share))
        late = self._late(case)
        if late:
            name = case.by_vertex[late].vertex.name if late in case.by_vertex else late
            yield supports("acknowledged", weak, f"{quoted(name)} did not acknowledge them")

    def _late(self, case: Case) -> str:
        """The vertex most upstream that did not acknowledge most of the expired checkpoints."""
        failed = expiry.failed_now(case)
        expired = () if isinstance(failed, Unknown) else expiry.expired(failed)
        missing = Counter(v for e in expired for v, n in e.unacknowledged if n)
        often = [v for v, n in missing.items() if n > len(expired) / 2]
        order = [v.vertex.id for v in case.vertices]
        return min(often, key=lambda v: order.index(v) if v in order else len(order), default="")

    def _at(self, case: Case) -> str:
        """The vertex that limits, else the one that did not acknowledge."""
        if not isinstance(case.bottlenecks, Unknown) and case.bottlenecks:
            return case.bottlenecks[0].at.vertex.id
        return self._late(case)

    def title(self, case: Case) -> str:
        at = case.by_vertex.get(self._at(case))
        name = quoted(short(at.vertex.name)) if at else "a vertex"
        return f"Checkpoints expire: their barriers wait behind records that {name} cannot take"

    def culprit(self, case: Case) -> Culprit:
        if case.bottleneck:
            return limit.where(case.bottleneck)
        at = case.by_vertex.get(self._at(case))
        if at is None:
            return Culprit()
        v = at.vertex
        return Culprit(vertex=v.name, vertex_id=v.id, parallelism=v.parallelism)

    def advise(self, case: Case) -> Iterator[Advice]:
        settings = expiry.settings_of(case)
        yield Advice(title="Remove first what limits the job: barriers then pass by themselves")
        if settings and not settings.unaligned:
            yield Advice(
                title="Until then let barriers overtake records",
                key="execution.checkpointing.unaligned.enabled",
                now="false",
                to="true",
                because=self._because(settings),
                expect="checkpoints complete under backpressure, and are larger",
            )
        yield Advice(
            title="Keep less in flight, so that barriers stand behind fewer records",
            key="taskmanager.network.memory.buffer-debloat.enabled",
            to="true",
        )

    def _because(self, settings: CheckpointSettings) -> str:
        return f"None completes within the time-out of {duration(settings.timeout_ms)}."

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return "a longer time-out alone", "more memory", "more tolerated failures"

    def if_nothing_is_done(self, case: Case) -> str:
        return expiry.what_follows(case)
