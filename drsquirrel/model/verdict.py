"""The words of judgement: outcomes of checks, verdicts of jobs, confidence of causes."""

from enum import StrEnum


class Outcome(StrEnum):
    """What a health check came to. Missing data is never a pass."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    NO_DATA = "no_data"
    NOT_APPLICABLE = "not_applicable"
    ERROR = "error"


class Verdict(StrEnum):
    """What is said of a run or a job as a whole."""

    FAILING = "failing"
    WARNING = "warning"
    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    ENDED = "ended"


class Confidence(StrEnum):
    """How sure an answer is, in words: DIAGNOSIS.md section 5.7.

    certain: an exact signature with its task or container, or a process-level fact; likely: at
    least 0.8 of its question; possible: 0.5 to 0.8; cannot_tell: below.
    """

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"
    CANNOT_TELL = "cannot_tell"


class Stand(StrEnum):
    """Which way a piece of evidence points."""

    FOR = "for"
    AGAINST = "against"
    RULED_OUT = "ruled_out"
    UNDECIDED = "undecided"


WORST_FIRST = (
    Verdict.FAILING,
    Verdict.WARNING,
    Verdict.UNKNOWN,
    Verdict.HEALTHY,
    Verdict.ENDED,
)
