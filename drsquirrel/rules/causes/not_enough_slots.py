"""A job that waits for slots that the cluster does not have."""

from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Case, ContainerNow
from drsquirrel.model.report import Culprit, quoted
from drsquirrel.model.unknown import Unknown, known
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
from drsquirrel.rules.limit import widest
from drsquirrel.rules.threshold import threshold
from drsquirrel.rules.wording import count, duration, plural

NO_RESOURCE = "NoResourceAvailableException"


@dataclass(frozen=True)
class NotEnoughSlots(Cause):
    """The job asks for more slots than the cluster has free.

    What is wrong: the job needs as many slots as its highest parallelism, and there are fewer: too
    few TaskManagers, one was lost, or other jobs hold them.
    How it shows: tasks stay SCHEDULED and no slot is free, while Flink calls the job RUNNING and no
    exception is there. After five minutes it fails with NoResourceAvailableException.
    How to fix: add TaskManagers or slots, stop what is not needed, or lower the parallelism.
    What does not help: restarting the job: it asks for the same slots again.
    """

    topic = "too few slots"
    answers = Question.IS_IT_RUNNING
    explains = ("job-not-running", "restart-rate-high", "restart-loop", "checkpoint-missing")

    starting_s: float = threshold(
        20, unit="s", help="A job that starts may wait so long for slots."
    )

    def weigh(self, case: Case) -> Iterator[Evidence]:
        refused = self._refused(case)
        if refused:
            yield supports("exception", decisive, "Flink could not get the slots", NO_RESOURCE)
        waiting = case.tasks_waiting
        if isinstance(waiting, Unknown):
            yield undecided("slots", "tasks wait for slots?", waiting.reason)
        elif waiting == 0:
            if not refused:
                yield impossible("no task waits for a slot")
        elif isinstance(case.slots_free, Unknown):
            yield supports("slots", weak, f"{plural(waiting, 'task')} wait for a slot")
            yield undecided("free", "no slot is free?", case.slots_free.reason)
        elif case.slots_free > 0:
            yield opposes("slots", strong, "slots are free", count(case.slots_free))
        else:
            long = self._waits_ms(case) >= self.starting_s * 1000
            text = f"{plural(waiting, 'task')} wait for a slot, and none is free"
            shown = f"for {duration(self._waits_ms(case))}"
            yield supports("slots", decisive if long else weak, text, shown)

    def _refused(self, case: Case) -> bool:
        """Whether the newest episode is about slots that could not be had."""
        newest = case.episodes[-1] if case.episodes else None
        is_open = newest is not None and (newest.ended_ms is None or case.state == "FAILED")
        faults = newest.faults if newest and is_open else ()
        return any(NO_RESOURCE in f.event.throwable for f in faults)

    def _waits_ms(self, case: Case) -> int:
        """For how long tasks have waited: as told, else since it is down, else since its start."""
        down = [e.began_ms for e in case.episodes[-1:] if e.ended_ms is None]
        since_ms = case.waiting_since_ms or (down[0] if down else case.start_ms)
        return case.now_ms - since_ms

    def certain(self, case: Case) -> bool:
        waits = known(case.tasks_waiting, 0.0) > 0 and known(case.slots_free, 1.0) == 0
        return self._refused(case) or (waits and self._waits_ms(case) >= self.starting_s * 1000)

    def title(self, case: Case) -> str:
        waiting = known(case.tasks_waiting, 0.0)
        tasks = f"{plural(waiting, 'task')} wait" if waiting else "the job's tasks wait"
        tasks = tasks.replace("1 task wait", "1 task waits")
        lost = self._lost(case)
        if lost:
            return f"The cluster has too few slots since it lost TaskManager {quoted(lost.id)}"
        return f"The cluster has too few slots: {tasks} for one, and none is free"

    def _lost(self, case: Case) -> ContainerNow | None:
        """The TaskManager that this run lost last, if it has not come back."""
        gone = [c for e in case.episodes for c in e.lost if c.gone_ms is not None]
        return gone[-1] if gone else None

    def culprit(self, case: Case) -> Culprit:
        return Culprit()

    def advise(self, case: Case) -> Iterator[Advice]:
        needs, lost = widest(case), self._lost(case)
        place = f" in place of {quoted(lost.id)}" if lost else ""
        yield Advice(
            title=f"Add TaskManagers{place} until this job can have {plural(needs, 'slot')}",
            because=f"It needs as many as its highest parallelism, {needs}; none is free now.",
            expect="the job runs within a minute",
        )
        yield Advice(
            title="Or stop jobs that are not needed, or run this one with less parallelism",
            key="parallelism.default",
            now=str(needs),
            because="Vertices that share slots need only as many as the widest of them.",
        )

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return ("restarting the job",)

    def if_nothing_is_done(self, case: Case) -> str:
        if self._refused(case):
            return "It fails again each time Flink does not get the slots."
        return "It fails when the slot request times out, after 5 min by default."
