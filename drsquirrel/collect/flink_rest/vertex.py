"""What is known of one vertex between rounds, and what it is asked in one."""

import sys
from collections.abc import Collection
from dataclasses import dataclass

from drsquirrel.collect.flink_rest import translate
from drsquirrel.collect.flink_rest.address import REQUEST_LINE_CHARACTERS, metric_queries
from drsquirrel.collect.flink_rest.answer import (
    MetricValue,
    Subtask,
    VertexDetails,
    VertexOverview,
)
from drsquirrel.collect.flink_rest.asking import Asking
from drsquirrel.collect.flink_rest.heard import Heard, container_of

BUSY_OR_PRESSURED_SHARE = 0.3
"""A vertex whose subtasks spend more of the time so is suspicious."""
YOUNG_MS = 60_000
"""Metrics of a task that runs for less long may not all be there yet."""
RENAMED_ROUNDS = 3
"""So long after a restart, or a listing in a task's youth, its metrics are listed again."""
NAMES_EVERY_ROUNDS = 30
LATE_MS = 7_500
"""Flink brings busy, idle and backpressured time up to date every 5 s."""
LATE_TIMES = 2
NAMES_MAX = 1_000
"""Of the metrics of one vertex's operators."""
AGGREGATIONS = "sum,max"


@dataclass
class Clock:
    """What busy, idle and backpressured time of a subtask came to, when it was last told."""

    attempt: int
    clock_ms: int
    told_ms: int
    late_times: int = 0


class VertexWatch:
    """One vertex under its path. `is_end`: it reads or writes outside, a source or a sink."""

    def __init__(self, base: str, overview: VertexOverview, is_end: bool) -> None:
        self.name = overview.name
        self.is_end = is_end
        self.suspicion = 0.0
        self.covered_round = 0
        self.operators_round = 0
        self._id = overview.id
        self._base = f"{base}/vertices/{overview.id}"
        self._names: list[str] = []
        self._names_due_round = 0
        self._attempts = 0
        self._clocks: dict[int, Clock] = {}
        self._containers: set[str] = set()
        self._worked_ms = 0

    def suspect(self, overview: VertexOverview, elapsed_ms: int) -> None:
        """See from the sums over its subtasks whether it deserves to be asked first."""
        io = translate.io_numbers(overview.metrics)
        worked_ms = int(
            io.get("accumulateBackPressuredTimeMs", 0) + io.get("accumulateBusyTimeMs", 0)
        )
        if overview.status not in ("RUNNING", "FINISHED"):
            self.suspicion = 1.0
        elif elapsed_ms > 0 and worked_ms != self._worked_ms:
            share = (worked_ms - self._worked_ms) / elapsed_ms / max(1, overview.parallelism)
            self.suspicion = share if share >= BUSY_OR_PRESSURED_SHARE else 0.0
        self._worked_ms = worked_ms

    def is_within(self, containers: Collection[str]) -> bool:
        """Whether all its subtasks were in these when it was last asked."""
        return bool(self._containers) and self._containers.issubset(containers)

    def operator_requests(self, round_: int) -> int:
        """How many requests its operators would take: names, values, both or none."""
        return int(round_ >= self._names_due_round) + bool(self._names or not self._names_due_round)

    async def ask(
        self,
        asking: Asking,
        heard: Heard,
        round_: int,
        updated_ms: int | None,
        operator_requests: int,
    ) -> None:
        """Ask for its subtasks. Nothing counted is taken without an update, nor what was counted
        before the attempt began, nor what came too late for the update."""
        details = await asking.ask(self._base, VertexDetails)
        if details is None:
            return
        self.covered_round = round_
        self._containers = {container_of(subtask) for subtask in details.subtasks}
        self._see_attempts(details, round_)
        counted: dict[int, Subtask] = {}
        for subtask in details.subtasks:
            container = container_of(subtask)
            heard.live.append((container, translate.status_values(self._id, subtask)))
            if updated_ms is None or subtask.start_time > updated_ms:
                continue
            if self._is_late(subtask, updated_ms):
                heard.late.add(container)
                continue
            counted[subtask.subtask] = subtask
            heard.counted.append((container, translate.io_values(self._id, subtask)))
        if operator_requests:
            self.operators_round = round_
        if operator_requests and round_ >= self._names_due_round:
            await self._list_names(asking, details, round_)
            operator_requests -= 1
        if operator_requests and self._names and counted:
            await self._ask_operators(asking, heard, details, counted)

    def _see_attempts(self, details: VertexDetails, round_: int) -> None:
        attempts = sum(s.attempt for s in details.subtasks)
        if attempts != self._attempts:
            self._attempts = attempts
            self._names_due_round = min(self._names_due_round, round_ + RENAMED_ROUNDS)

    def _is_late(self, subtask: Subtask, updated_ms: int) -> bool:
        """Whether this subtask's part of the update was not there yet, but an earlier one.

        Its three times together are a clock; where that stays behind, the values are older than the
        update. A clock that stays behind for good is believed after some rounds.
        """
        clock_ms = translate.clock_ms(subtask.metrics)
        if clock_ms is None:
            return False
        before = self._clocks.get(subtask.subtask)
        if (
            before is not None
            and before.attempt == subtask.attempt
            and subtask.status == "RUNNING"
            and before.late_times < LATE_TIMES
            and (updated_ms - before.told_ms) - (clock_ms - before.clock_ms) > LATE_MS
        ):
            before.late_times += 1
            return True
        self._clocks[subtask.subtask] = Clock(subtask.attempt, clock_ms, updated_ms)
        return False

    async def _list_names(self, asking: Asking, details: VertexDetails, round_: int) -> None:
        """List its metrics; of the ends of the graph again and again, since some appear only when
        they first have a value."""
        answer = await asking.ask(f"{self._base}/subtasks/metrics", tuple[MetricValue, ...])
        if answer:
            self._names = translate.operator_names(v.id for v in answer)[:NAMES_MAX]
            age_ms = details.now - max((s.start_time for s in details.subtasks), default=0)
            often = RENAMED_ROUNDS if age_ms < YOUNG_MS else NAMES_EVERY_ROUNDS
            self._names_due_round = round_ + often if self.is_end else sys.maxsize

    async def _ask_operators(
        self, asking: Asking, heard: Heard, details: VertexDetails, counted: dict[int, Subtask]
    ) -> None:
        """Per subtask if that fits into one request, else summed up by Flink."""
        if len(counted) * len(self._names) < REQUEST_LINE_CHARACTERS:
            names = [f"{index}.{name}" for index in counted for name in self._names]
            queries = metric_queries(f"{self._base}/metrics", names)
            if len(queries) == 1:
                answer = await asking.ask(queries[0], tuple[MetricValue, ...]) or ()
                found = translate.operator_values(answer, self._id, counted)
                heard.counted += [(container_of(s), values) for s, values in found]
                return
        if len(counted) == len(details.subtasks):
            path = f"{self._base}/subtasks/metrics"
            for query in metric_queries(path, self._names, AGGREGATIONS)[:1]:
                answer = await asking.ask(query, tuple[MetricValue, ...]) or ()
                totals = translate.operator_totals(answer, self._id, details.subtasks)
                heard.counted += [("", values) for values in totals]
