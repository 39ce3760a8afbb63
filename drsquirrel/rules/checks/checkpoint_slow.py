"""Checkpoints that come close to their time-out."""

from dataclasses import dataclass

from drsquirrel.model.facts import JobFacts
from drsquirrel.model.report import EvidenceRow
from drsquirrel.model.series import CHECKPOINT_DURATION_MS, CHECKPOINT_TIMEOUT_MS
from drsquirrel.rules.check import (
    BASIC,
    Check,
    Finding,
    Hour,
    graded,
    threshold,
    without_checkpoints,
)
from drsquirrel.rules.wording import duration, last_seen, percent


@dataclass(frozen=True)
class CheckpointSlow(Check):
    """The slowest checkpoint of the hour used most of its time-out.

    What it checks: the longest end-to-end time of a completed checkpoint, as a share of the
    time-out.
    Why it is bad: at the next slowdown checkpoints expire; after a failure more is processed again.
    How to fix: see which part is long. A long start delay or alignment comes from backpressure:
    remove what limits the job. A long synchronous or asynchronous part comes from the size of the
    state or from the checkpoint storage.
    When to ignore it: a job whose state can be built again from its source within minutes.
    """

    title = (
        "Checkpoints finish well within their time-out",
        "Checkpoints come close to their time-out",
    )
    topic = "Duration of checkpoints"
    section = BASIC
    needs = (CHECKPOINT_DURATION_MS, CHECKPOINT_TIMEOUT_MS)
    min_minutes = 1
    assess_by = "Wait for a checkpoint to complete."

    warn_share: float = threshold(
        0.5, unit="of the time-out", help="Slowest checkpoint against its time-out: warn from here."
    )
    fail_share: float = threshold(
        0.8, unit="of the time-out", help="Slowest checkpoint against its time-out: fail from here."
    )

    def check(self, hour: Hour) -> Finding:
        slowest = hour.highest(CHECKPOINT_DURATION_MS)
        timeout_ms = hour.latest(CHECKPOINT_TIMEOUT_MS)
        assert slowest is not None and timeout_ms, "needs have samples"
        share = slowest.value / timeout_ms
        now_ms = hour.latest(CHECKPOINT_DURATION_MS) or 0.0
        return Finding(
            graded(share, warn=self.warn_share, fail=self.fail_share),
            value=share,
            shown=percent(share),
            threshold=f"warns from {percent(self.warn_share)} of the time-out, fails from "
            f"{percent(self.fail_share)}",
            says=f"The slowest took {duration(slowest.value)} of {duration(timeout_ms)}, "
            f"{last_seen(slowest.minute)}.",
            evidence=(
                EvidenceRow(name="slowest", value=duration(slowest.value)),
                EvidenceRow(name="newest", value=duration(now_ms)),
                EvidenceRow(name="time-out", value=duration(timeout_ms)),
            ),
            minutes=hour.of(CHECKPOINT_DURATION_MS)[""],
            warn_at=self.warn_share * timeout_ms,
            fail_at=self.fail_share * timeout_ms,
            over=share / self.fail_share,
        )

    def not_applicable(self, facts: JobFacts) -> str:
        return without_checkpoints(facts)
