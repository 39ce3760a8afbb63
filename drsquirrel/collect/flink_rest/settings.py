"""The settings of watching clusters over REST: default, unit and meaning of each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PollSettings:
    """How often, how much and how patiently a cluster is asked."""

    interval_s: float = 10.0
    """Seconds between the starts of two rounds. Flink brings its metrics up to date at most every
    10 s (metrics.fetcher.update-interval): shorter brings nothing new."""
    jitter_share: float = 0.05
    """Each pause is longer by a random share of the interval up to this, so that clusters are not
    asked in step and Flink's own 10 s have passed."""
    backoff_max_s: float = 60.0
    """Longest pause in seconds after rounds that failed; pauses double up to it."""
    request_timeout_s: float = 5.0
    """Seconds for one request, from connecting to the last byte."""
    response_max_bytes: int = 16 << 20
    """A longer answer is not read to its end."""
    requests_per_round: int = 100
    """Requests in one round; a cluster that needs more is covered in turns."""
    concurrent_requests: int = 2
    """Requests in flight to one cluster."""
    settle_s: float = 0.5
    """Seconds between telling Flink to bring its metrics up to date and reading them."""
    stale_ms: int = 30_000
    """Metrics older than this (and than three of the cluster's own updates) are not passed on: they
    are frozen."""
    slow_checkpoint_ms: int = 10_000
    """A checkpoint that takes longer, or fails, is looked at per vertex."""
    checkpoint_details_per_round: int = 2
    """Requests per job and round for such details."""
    jobs_max: int = 500
    """Jobs of one cluster that are watched: those that have not ended first, then the newest."""
    vertices_max: int = 1_000
    """Vertices of one job that are watched: the first in its plan."""
    taskmanagers_max: int = 1_000
    """TaskManagers of one cluster that are watched: those known before first."""
    failures_max: int = 500
    """Failures that are read from one answer: the newest."""
    checkpoints_max: int = 500
    """Checkpoints that are read from one answer: the newest."""
    remembered_max: int = 5_000
    """Failures, checkpoints and changes of one run that are remembered as already told."""
