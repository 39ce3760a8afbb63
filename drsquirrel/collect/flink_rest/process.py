"""What is known of one process of a cluster between rounds."""

from dataclasses import dataclass, field

from drsquirrel.collect.flink_rest import translate
from drsquirrel.collect.flink_rest.address import metric_queries
from drsquirrel.collect.flink_rest.answer import MetricValue, TaskManager, whole
from drsquirrel.collect.flink_rest.asking import Asking
from drsquirrel.model import metric
from drsquirrel.model.event import Values
from drsquirrel.model.facts import ContainerFacts

NAMES_MAX = 100
"""Of the metrics of one process; there are about 30."""
QUERIES_MAX = 2
JOBMANAGER = ""
"""The JobManager's process has no id over REST."""
[HEAP_MAX] = metric.HEAP_MAX_BYTES.flink
[CPU_TIME] = metric.CPU_TIME_NS.flink


@dataclass
class ProcessWatch:
    """A TaskManager as it is listed, or the JobManager (None)."""

    listed: TaskManager | None
    names: list[str] | None = None
    covered_round: int = 0
    heap_max_bytes: int | None = None
    cpu_time_ns: int = 0
    counted: list[Values] = field(default_factory=list)
    """What this round read."""

    @property
    def id(self) -> str:
        return self.listed.id if self.listed is not None else JOBMANAGER

    @property
    def _path(self) -> str:
        return f"/taskmanagers/{self.id}/metrics" if self.listed else "/jobmanager/metrics"

    @property
    def is_known(self) -> bool:
        """Whether it has told what does not change while it lives."""
        return self.heap_max_bytes is not None

    async def ask(self, asking: Asking, round_: int) -> None:
        """Ask for its metrics; where their names are not known yet, for those."""
        self.covered_round = round_
        if not self.names:
            answer = await asking.ask(self._path, tuple[MetricValue, ...])
            self.names = translate.container_names(v.id for v in answer or ())[:NAMES_MAX]
            return
        for query in metric_queries(self._path, self.names)[:QUERIES_MAX]:
            answer = await asking.ask(query, tuple[MetricValue, ...]) or ()
            self.counted += translate.container_values(answer)
        own = next((v.values for v in self.counted if CPU_TIME in v.values), {})
        if own and own[CPU_TIME] == self.cpu_time_ns:
            # A process that lives uses CPU: its part of the update is not there yet.
            self.counted = []
        self.cpu_time_ns = int(own.get(CPU_TIME, self.cpu_time_ns))
        self.heap_max_bytes = int(own.get(HEAP_MAX, 0)) or self.heap_max_bytes

    async def refresh(self, asking: Asking, round_: int) -> int | None:
        """Make Flink bring the metrics of the whole cluster up to date: any question does, but it
        is answered from what was there before. Returns the CPU time that was there before."""
        if not self.names:
            await self.ask(asking, round_)
            return None
        [query] = metric_queries(self._path, [CPU_TIME])
        answer = await asking.ask(query, tuple[MetricValue, ...])
        return whole(answer[0].value) if answer else None

    def facts(self, cluster: str) -> ContainerFacts:
        collectors = translate.collectors(self.names or ())
        if self.listed is None:
            return ContainerFacts(
                cluster=cluster,
                id=JOBMANAGER,
                is_taskmanager=False,
                heap_max_bytes=self.heap_max_bytes,
                collectors=collectors,
            )
        memory = self.listed.memory_configuration
        return ContainerFacts(
            cluster=cluster,
            id=self.id,
            is_taskmanager=True,
            host=self.listed.host,
            slots=self.listed.slots_number,
            cpu_cores=self.listed.hardware.cpu_cores,
            heap_max_bytes=self.heap_max_bytes,
            process_bytes=memory.total_process_memory,
            collectors=collectors,
        )
