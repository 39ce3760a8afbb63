"""What a diagnosis is made from: everything known of one run, gathered by app before judging."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from drsquirrel.model.facts import ContainerFacts, JobFacts, RunSeen, ThreadSample
from drsquirrel.model.report import Action, JobRef, RunRef
from drsquirrel.model.snapshot import Rollup


@dataclass(frozen=True, kw_only=True)
class Expected:
    """Who should have spoken: silence against this is missing data, never health."""

    interval_ms: int
    """How often the source of the run reports."""
    last_answer_ms: int | None
    """When the cluster last answered."""
    cluster_says: str = ""
    """Why the cluster does not answer; "" while it does."""


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """One run and all that is known of it. Rollups by minute since the epoch."""

    job: JobRef
    run: RunRef
    seen: RunSeen
    facts: JobFacts | None
    expected: Expected
    rollups: Mapping[int, Rollup]
    containers: Mapping[str, Mapping[int, Rollup]] = field(default_factory=dict)
    """All containers of the cluster known in the hour, the JobManager's id among them."""
    container_facts: Mapping[str, ContainerFacts] = field(default_factory=dict)
    """Those alive at the last answer."""
    runs_on: Mapping[str, int] = field(default_factory=dict)
    """How many runs had subtasks in a container in the last minutes."""
    threads: tuple[ThreadSample, ...] = ()
    actions: tuple[Action, ...] = ()
    dumps_allowed: bool = False
