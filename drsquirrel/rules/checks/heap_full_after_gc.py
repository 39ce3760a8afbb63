"""A heap that is full even after garbage collection."""

from dataclasses import dataclass

from drsquirrel.model.report import EvidenceRow
from drsquirrel.model.series import GC_SHARE, HEAP_FLOOR_SHARE
from drsquirrel.rules.check import MEMORY, Check, Finding, Hour, Minutes, graded, threshold
from drsquirrel.rules.wording import count, percent, process_name, sentence


@dataclass(frozen=True)
class HeapFullAfterGc(Check):
    """Garbage collection frees little: most of the heap is in use.

    What it checks: the lowest heap use after a collection, as a share of the largest heap. It is an
    estimate from samples, so it must be reached in several minutes to count.
    Why it is bad: the next larger record, window or batch ends in an OutOfMemoryError, and until
    then collections take more and more of the time.
    How to fix: find out what fills it (state on the heap, own caches, large windows), or give tasks
    more heap: taskmanager.memory.task.heap.size.
    When to ignore it: a job whose heap has been this full for weeks with little collection time.
    """

    title = "Collections leave room in the heap", "The heap is full even after collection"
    topic = "Heap in use after collection"
    section = MEMORY
    needs = (HEAP_FLOOR_SHARE,)
    also = (GC_SHARE,)
    assess_by = (
        "Needs ten minutes with several collections each. Few collections are themselves a sign "
        "of room."
    )

    warn_share: float = threshold(0.8, unit="of the heap", help="In use after GC: warn from here.")
    fail_share: float = threshold(0.9, unit="of the heap", help="In use after GC: fail from here.")
    lasting_minutes: float = threshold(5, unit="min", help="It must last for so long to count.")

    def check(self, hour: Hour) -> Finding:
        lasting = {n: self._lasting(minutes) for n, minutes in hour.of(HEAP_FLOOR_SHARE).items()}
        name, share = max(lasting.items(), key=lambda item: item[1])
        gc = [v for v in hour.of(GC_SHARE).get(name, ()) if v is not None]
        return Finding(
            graded(share, warn=self.warn_share, fail=self.fail_share),
            value=share,
            shown=percent(share),
            threshold=f"warns from {percent(self.warn_share)}, fails from "
            f"{percent(self.fail_share)} of the heap",
            says=sentence(
                f"{process_name(name)} kept {percent(share)} of its heap after collection for "
                f"{count(self.lasting_minutes)} min or more (estimate)."
            ),
            evidence=(
                *(EvidenceRow(name=process_name(n), value=percent(s)) for n, s in lasting.items()),
                *([EvidenceRow(name="most time in GC", value=percent(max(gc)))] if gc else []),
            ),
            minutes=hour.of(HEAP_FLOOR_SHARE)[name],
            warn_at=self.warn_share,
            fail_at=self.fail_share,
            over=share / self.fail_share,
        )

    def _lasting(self, minutes: Minutes) -> float:
        """The share reached in enough minutes; 0 if seen in too few."""
        seen = sorted((v for v in minutes if v is not None), reverse=True)
        lasting = int(self.lasting_minutes)
        return seen[lasting - 1] if len(seen) >= lasting else 0.0
