"""The report: the one document that every output renders (page, terminal, JSON).

Sentences are plain text in which names that come from the job stand between backticks; whoever
writes a sentence cleans the name with `quoted`, so a backtick never comes from data. Times are
milliseconds since the epoch, shares are 0 to 1. What is not known is null, never a zero.
"""

import unicodedata
from typing import Literal

from msgspec import Struct, field

from drsquirrel.model.verdict import Confidence, Outcome, Stand, Verdict
from drsquirrel.model.yarn import YarnFacts

SCHEMA = 1
HOUR_MINUTES = 60


def quoted(name: str, limit: int = 120) -> str:
    """A name from outside, safe inside a sentence: control, bidi and backtick characters shown."""
    shown = "".join(
        f"\\u{ord(c):04x}" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c
        for c in name[:limit]
    ).replace("`", "'")
    return f"`{shown}…`" if len(name) > limit else f"`{shown}`"


class Onset(Struct, frozen=True, kw_only=True):
    """When something began, as far as the samples can tell: between earliest and latest."""

    earliest_ms: int
    latest_ms: int


class Culprit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the cause sits. Subtasks are indices; empty means all, or that they do not matter."""

    vertex: str | None = None
    vertex_id: str | None = None
    operator: str | None = None
    subtasks: tuple[int, ...] = ()
    parallelism: int | None = None
    container: str | None = None
    host: str | None = None


class Evidence(Struct, frozen=True, kw_only=True):
    """One reason for or against an answer: a sentence and the number behind it."""

    stand: Stand
    group: str
    text: str
    value: str = ""


class Advice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing to do. `now` and `to` are option values; `now` is null where it was not read."""

    title: str
    kind: Literal["change", "measure", "wait"] = "change"
    key: str | None = None
    now: str | None = None
    to: str | None = None
    because: str = ""
    expect: str = ""


class Answer(Struct, frozen=True, kw_only=True):
    """A root cause, as the answer to one question about the run."""

    code: str
    question: str
    title: str
    confidence: Confidence
    culprit: Culprit
    onset: Onset | None
    evidence: tuple[Evidence, ...]
    advice: tuple[Advice, ...]
    will_not_help: tuple[str, ...] = ()
    leads_to: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    """Codes of answers that could not be told from this one."""


class Symptom(Struct, frozen=True, kw_only=True):
    """A condition that holds now, whether or not its cause is known."""

    code: str
    text: str
    onset: Onset | None
    culprit: Culprit = Culprit()
    explained_by: tuple[str, ...] = ()


class Benign(Struct, frozen=True, kw_only=True):
    """A state that looks like trouble and is none: warm-up, catching-up, burst, paced-source…"""

    code: str
    text: str


class Incident(Struct, frozen=True, kw_only=True):
    """A fault of the last hour: from all tasks running to all running again; open while null."""

    began_ms: int
    ended_ms: int | None
    cause: str | None
    title: str
    culprit: Culprit
    failures: int = 1
    note: str = ""


class EvidenceRow(Struct, frozen=True, kw_only=True):
    """One row of a check's evidence table."""

    name: str
    value: str
    note: str = ""


class CheckResult(Struct, frozen=True, kw_only=True):
    """What one health check says of the last hour."""

    code: str
    section: str
    title: str
    outcome: Outcome
    value: float | None = None
    shown: str = ""
    """The measured value with its unit, as a person reads it."""
    threshold: str = ""
    """The threshold it was held against, in words: "warns from 50 %, fails from 80 %"."""
    says: str = ""
    """One sentence of what was seen, or why it was not assessed and how to assess it."""
    evidence: tuple[EvidenceRow, ...] = ()
    minutes: tuple[float | None, ...] = ()
    """The judged value minute by minute, oldest first, null where not seen."""
    warn_at: float | None = None
    fail_at: float | None = None
    observed_minutes: int = 0
    why: str = ""
    fix: str = ""
    ignore_when: str = ""


class Strip(Struct, frozen=True, kw_only=True):
    """One row of the last hour: 60 cells, oldest first.

    Cells: "." clear, "l" some, "h" high, "_" not seen; the last minute is open.
    """

    kind: Literal["backpressure", "gc", "checkpoints", "restarts"]
    id: str
    name: str
    cells: str
    sentence: str
    culprit: bool = False
    first: bool = False
    worst_minute: int | None = None


class LastHour(Struct, frozen=True, kw_only=True):
    """The strips of the last hour on one clock, and what led what."""

    from_ms: int
    """Start of the first minute; minute i covers from_ms + 60000·i."""
    strips: tuple[Strip, ...] = ()
    sentence: str = ""
    records_per_s: tuple[float | None, ...] = ()
    """Records a second that left the sources, minute by minute."""


class Node(Struct, frozen=True, kw_only=True):
    """One vertex in the order of the data, with what it does now (shares of the worst subtask)."""

    id: str
    name: str
    operators: tuple[str, ...]
    inputs: tuple[str, ...]
    parallelism: int
    busy: float | None
    backpressured: float | None
    records_per_s: float | None
    saturated: int = 0
    culprit: bool = False
    says: str = ""


class Source(Struct, frozen=True, kw_only=True):
    """One source of data about the run, and how old what it said last is."""

    name: str
    state: Literal["fresh", "late", "stale", "missing"]
    age_ms: int | None
    says: str = ""


class Data(Struct, frozen=True, kw_only=True):
    """How much is known: age, completeness, what is missing and how to get it."""

    age_ms: int | None
    observed_minutes: int
    sources: tuple[Source, ...] = ()
    gaps: tuple[str, ...] = ()
    logs: bool = False
    """Whether log lines come from a process of the run."""
    clock_ahead_ms: int = 0
    """How far the JobManager's clock is ahead of ours: the times of the run are by it."""


class Action(Struct, frozen=True, kw_only=True):
    """Something we did to the cluster beyond reading state: a thread dump."""

    time_ms: int
    what: str
    container: str
    took_ms: int
    result: str = ""


class RunRef(Struct, frozen=True, kw_only=True):
    """One start of a job."""

    id: str
    job_id: str
    start_ms: int
    state: str
    end_ms: int | None = None
    flink_version: str = ""
    is_heard: bool = False
    """Its start is not known: `start_ms` is when it was first heard of."""


class JobRef(Struct, frozen=True, kw_only=True):
    """The stable thing a team owns."""

    id: str
    cluster: str
    name: str


class Report(Struct, kw_only=True):
    """Everything that is said of one run at one moment."""

    schema: int = SCHEMA
    made_ms: int
    job: JobRef
    run: RunRef
    verdict: Verdict
    headline: str
    """The sentence that names cause and culprit, or the symptom and what would decide."""
    subline: str = ""
    """How sure, since when, and what happens if nothing is done."""
    since_ms: int | None = None
    causes: list[Answer] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    symptoms: list[Symptom] = field(default_factory=list)
    benign: list[Benign] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    """Failed first, then warned, errors, not assessed, passed, not applicable."""
    hour: LastHour
    graph: list[Node] = field(default_factory=list)
    data: Data
    actions: list[Action] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    """The line of facts: (label, text), such as ("checkpoints", "every 10 s, time-out 10 min")."""
    yarn: YarnFacts | None = None
    """What YARN tells of the application the run is in; null where no YARN is asked."""


class JobRow(Struct, frozen=True, kw_only=True):
    """One line of the list of jobs."""

    job: JobRef
    run: RunRef
    verdict: Verdict
    headline: str
    subline: str
    since_ms: int | None
    cells: str
    """The worst cell of each minute over all strips, as in Strip."""
    records_per_s: tuple[float | None, ...]
    data_age_ms: int | None
    live_runs: int = 1


class ClusterRow(Struct, frozen=True, kw_only=True):
    """One watched cluster; `heard` is one whose REST says nothing and whose processes send, `ended`
    a YARN application that is over."""

    id: str
    url: str
    """Empty: it is not asked over REST."""
    state: Literal["answering", "heard", "silent", "connecting", "ended"]
    says: str
    """Empty, or the error and what to do."""
    last_answer_ms: int | None
    flink_version: str = ""


class YarnRow(Struct, frozen=True, kw_only=True):
    """One YARN whose Flink applications are watched."""

    url: str
    found: int | None
    """How many run; None while it has never answered."""
    says: str = ""
    """What is wrong with the search for them, and what to do; empty while all is well."""


class JobList(Struct, kw_only=True):
    """The list of jobs, worst first, and the clusters behind it."""

    made_ms: int
    jobs: list[JobRow]
    clusters: list[ClusterRow]
    yarns: list[YarnRow] = []
    kafka_says: str = ""
    """What is wrong with Kafka; empty while all is well, or where it is not read."""


class LogLine(Struct, frozen=True, kw_only=True):
    """One log event of a process of the run: `count` equal lines; `dropped` more were not sent."""

    time_ms: int
    level: Literal["INFO", "WARN", "ERROR", "FATAL"]
    logger: str
    message: str
    throwable: str
    task: str
    container: str
    host: str
    count: int
    dropped: int
    of_process: bool = False
    """It names no run: it may be about another in the same process."""


class LogList(Struct, kw_only=True):
    """The newest log events of a run, and of its processes without a run, newest first; `complete`:
    there are no older ones."""

    lines: list[LogLine]
    complete: bool
