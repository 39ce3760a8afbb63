"""How many samples one core folds, against decoding alone; merging, signing, an hour in memory."""

import json
import os
import platform
import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from drsquirrel.model.event import MetricReport, Origin, Place, Values, decoder, encoder, tables
from drsquirrel.model.signature import sign
from drsquirrel.watch.fold import fold_bytes
from drsquirrel.watch.merge import merge
from drsquirrel.watch.window import Hours

RESULT = Path(__file__).parent / "results" / "fold.json"
JOB = f"{1:032x}"
START_MS = 1_800_000_000_000
SAMPLES = 60
"""In one report: 6 subtasks with 9 metrics each, and 2 sources with 3."""
REPEATS = 7
OF_SUBTASK = (
    "accumulateBusyTimeMs",
    "accumulateBackPressuredTimeMs",
    "accumulateIdleTimeMs",
    "numRecordsIn",
    "numRecordsOut",
    "numBytesIn",
    "numBytesOut",
    "Shuffle.Netty.Input.Buffers.inputQueueLength",
)
USAGE = "Shuffle.Netty.Output.Buffers.outPoolUsage"
OF_SOURCE = ("pendingRecords", "currentEmitEventTimeLag", "numRecordsIn")
TRACE = "java.util.concurrent.CompletionException: java.lang.IllegalStateException: order {0}\n{1}"
dice = random.Random(1)


def main() -> None:
    result = {
        "machine": {
            "system": platform.platform(),
            "model": cpu_model(),
            "cores": os.cpu_count(),
            "load_before": os.getloadavg()[0],
            "python": platform.python_version(),
        },
        "samples_per_report": SAMPLES,
        "fold": {
            f"{reports_per_minute}_reports_a_minute": folding(containers, reports_per_minute)
            for containers, reports_per_minute in ((200, 6), (20, 60))
        },
        "merge": merging(),
        "sign": signing(),
        "hour": hour(),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    json.dump(result, sys.stdout, indent=2)
    print()


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.processor()


def cpu_s(work: Callable[[], Any]) -> float:
    """Seconds of CPU that the work takes at best."""

    def once() -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    return min(once() for _ in range(REPEATS))


def folding(containers: int, reports_per_minute: int) -> dict[str, float]:
    """Three minutes of many containers, in the order in which they arrive."""
    batch = list(messages(containers, reports_per_minute, minutes=3))
    assert not fold_bytes(batch).dropped
    decode_s = cpu_s(lambda: [decoder.decode(message) and None for _, message in batch])
    fold_s = cpu_s(lambda: fold_bytes(batch))
    return {
        "reports": len(batch),
        "bytes_per_report": len(batch[0][1]),
        "decode_samples_per_s": round(len(batch) * SAMPLES / decode_s),
        "fold_samples_per_s": round(len(batch) * SAMPLES / fold_s),
        "fold_reports_per_s": round(len(batch) / fold_s),
        "share_of_decode": round(decode_s / fold_s, 3),
    }


def messages(containers: int, reports_per_minute: int, minutes: int) -> Iterator[tuple[int, bytes]]:
    every_ms = 60_000 // reports_per_minute
    for number in range(minutes * reports_per_minute):
        for container in range(containers):
            time_ms = START_MS + number * every_ms + container
            yield time_ms + 150, encoder.encode(report(container, number, time_ms))


def report(container: int, sequence: int, time_ms: int) -> MetricReport:
    return MetricReport(
        origin=Origin(
            cluster="prod",
            producer="plugin",
            epoch="e1",
            sequence=sequence,
            container=f"10.0.0.{container}:6122-abcdef",
            flink_version="2.3.0",
        ),
        time_ms=time_ms,
        tables=tables(told(container, sequence)),
        job=JOB,
        start_ms=START_MS,
    )


def told(container: int, sequence: int) -> Iterator[Values]:
    def counted(names: tuple[str, ...]) -> dict[str, int | float]:
        return {name: sequence * 1_000 + dice.randrange(10**6) for name in names}

    for n in range(6):
        values = counted(OF_SUBTASK) | {USAGE: dice.randrange(100) / 100}
        yield Values(values, Place(f"{n // 2:032x}", container * 2 + n, attempt=1))
    for n in range(2):
        place = Place(f"{0:032x}", container * 2 + n, "Source__orders", attempt=1)
        yield Values(counted(OF_SOURCE), place)


def merging() -> dict[str, float]:
    """Two halves of the same minutes, as two batches bring them."""
    batch = list(messages(200, 6, minutes=3))
    halves = [fold_bytes(batch[n::2]).rollups for n in (0, 1)]
    tracks = sum(len(rollup.tracks) for rollup in halves[0])
    took_s = cpu_s(lambda: [merge(a, b) for a, b in zip(*halves, strict=True)])
    return {"tracks": tracks, "tracks_per_s": round(tracks / took_s)}


def signing() -> dict[str, float]:
    """A trace of three throwables and 60 frames, each time with another number."""
    frames = "".join(f"\tat com.shop.Step{n}.map(Step.java:{n})\n" for n in range(5)) + "".join(
        f"\tat org.apache.flink.streaming.runtime.Task{n}.run(Task.java:{n})\n" for n in range(15)
    )
    chain = f"{frames}Caused by: a.B: x\n{frames}Caused by: a.C: y\n{frames}"
    traces = [TRACE.format(n, chain) for n in range(2_000)]
    assert len(set(map(sign, traces))) == 1
    # More than the cache holds, so in this order none is ever found in it.
    plain_s = cpu_s(lambda: [sign(trace) for trace in traces])
    known = traces[:500]
    cached_s = cpu_s(lambda: [sign(trace[:9] + trace[9:]) for trace in known])
    return {
        "chars_per_trace": len(traces[0]),
        "plain_per_s": round(len(traces) / plain_s),
        "cached_per_s": round(len(known) / cached_s),
    }


def hour() -> dict[str, float]:
    """The memory of an hour of one run of 80 subtasks."""
    batches = [
        [(at_ms + minute * 60_000, message(at_ms + minute * 60_000, n)) for n in range(6)]
        for at_ms in (START_MS,)
        for minute in range(60)
    ]
    hours = Hours()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for batch in batches:
        hours.add(fold_bytes(batch).rollups)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {"subtasks": 80, "bytes": after - before, "bytes_per_subtask": (after - before) // 80}


def message(minute_ms: int, number: int) -> bytes:
    time_ms = minute_ms + number * 10_000
    of_80 = tables(
        Values(
            {name: time_ms % 10**9 + dice.randrange(10**6) for name in OF_SUBTASK}
            | {USAGE: dice.randrange(100) / 100},
            Place(f"{n // 8:032x}", n % 8, attempt=1),
        )
        for n in range(80)
    )
    whole = report(1, time_ms // 10_000, time_ms)
    return encoder.encode(
        MetricReport(
            origin=whole.origin, time_ms=time_ms, tables=of_80, job=whole.job, start_ms=START_MS
        )
    )


if __name__ == "__main__":
    main()
