"""How often the job restarted in the hour."""

from dataclasses import dataclass

from drsquirrel.model.report import EvidenceRow
from drsquirrel.model.series import RESTARTS
from drsquirrel.rules.check import BASIC, Check, Finding, Hour, graded, threshold
from drsquirrel.rules.wording import count, last_seen, plural


@dataclass(frozen=True)
class RestartRateHigh(Check):
    """The job restarted in the last hour.

    What it checks: how many recoveries of the job began in the last hour. A recovery counts once,
    however many tasks it restarts. Rescaling and redeploying are no restarts.
    Why it is bad: each restart stops the job, loads the last checkpoint and processes again what
    came after it.
    How to fix: find what failed first in each restart; the causes on this page name it. More
    attempts or a longer delay in the restart strategy only hide it.
    When to ignore it: one restart after a machine was replaced on purpose.
    """

    title = "The job did not restart", "The job restarts"
    topic = "Restarts of the job"
    section = BASIC
    needs = (RESTARTS,)
    finds_events = True
    assess_by = "Watch the job for some minutes: restarts are counted from Flink's REST API."

    warn_restarts: float = threshold(1, unit="restarts/h", help="Warn from here.")
    fail_restarts: float = threshold(3, unit="restarts/h", help="Fail from here.")

    def check(self, hour: Hour) -> Finding:
        restarts = hour.total(RESTARTS)
        minutes = hour.of(RESTARTS)[""]
        when = [last_seen(i) for i, n in enumerate(minutes) if n]
        return Finding(
            graded(restarts, warn=self.warn_restarts, fail=self.fail_restarts),
            value=restarts,
            shown=plural(restarts, "restart"),
            threshold=f"warns from {count(self.warn_restarts)} an hour, fails from "
            f"{count(self.fail_restarts)}",
            says=f"{plural(restarts, 'restart')} in {hour.observed(RESTARTS)} observed minutes"
            + (f", the newest {when[-1]}." if when else "."),
            evidence=(EvidenceRow(name="first", value=when[0]),) if when else (),
            minutes=minutes,
            warn_at=1,
            over=restarts / self.fail_restarts,
        )
