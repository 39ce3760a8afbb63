"""What a diagnosis is made from: everything known of one run, gathered by app before judging."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from drsquirrel.diagnose.container import Process
from drsquirrel.model.facts import JobFacts, Looked, RunSeen, ThreadSample
from drsquirrel.model.report import Action, JobRef, RunRef
from drsquirrel.model.snapshot import Rollup
from drsquirrel.model.yarn import YarnFacts


@dataclass(frozen=True, kw_only=True)
class Expected:
    """Who should have spoken: silence against this is missing data, never health."""

    interval_ms: int
    """How often the source of the run reports."""
    last_answer_ms: int | None
    """When the cluster last answered."""
    heard_ms: int | None = None
    """When its JobManager last told of the run by itself; None while the cluster answers."""
    cluster_says: str = ""
    """Why the cluster does not answer, or what is wrong with its answers; "" while all is well."""
    plugin: Mapping[str, int] | None = None
    """When each process that has the plugin was last heard of; None where nobody listens."""
    plugin_interval_ms: int = 0
    """How often what they send comes here; 0 where that is `interval_ms`."""
    kafka_says: str = ""
    """What is wrong with Kafka; "" while all is well."""
    late_ms: int = 0
    """So long ago is the moment that is judged: what came since is not all told yet."""
    untold: str = ""
    """Why what processes have sent since the last answer is not judged; "" where it is."""
    ahead_ms: int = 0
    """How far the JobManager's clock is ahead of ours. All times here are by ours but those of
    `RunSeen` and `RunRef`."""

    @property
    def told_ms(self) -> int | None:
        """When the run was last told of, in either way."""
        told = (ms for ms in (self.last_answer_ms, self.heard_ms) if ms is not None)
        return max(told, default=None)

    @property
    def never_answered(self) -> bool:
        """Whether all that is known comes from what processes send."""
        return self.last_answer_ms is None and self.heard_ms is not None


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """One run and all that is known of it. Rollups by minute since the epoch."""

    job: JobRef
    run: RunRef
    seen: RunSeen
    facts: JobFacts | None
    expected: Expected
    rollups: Mapping[int, Rollup]
    processes: Mapping[str, Process] = field(default_factory=dict)
    """All processes of the cluster known in the hour, the JobManager's among them."""
    looked: Looked | None = None
    """How the latest look for `facts` went; None where nobody has looked yet."""
    threads: tuple[ThreadSample, ...] = ()
    actions: tuple[Action, ...] = ()
    dumps_allowed: bool = False
    yarn: YarnFacts | None = None
    """What YARN tells of the application that the cluster is."""

    @property
    def is_batch(self) -> bool:
        return self.seen.job_type == "BATCH"

    @property
    def started_ms(self) -> int:
        return self.run.start_ms - self.expected.ahead_ms

    @property
    def ended_ms(self) -> int | None:
        """When it ended, or (lost) was last seen."""
        return self.run.end_ms and self.run.end_ms - self.expected.ahead_ms
