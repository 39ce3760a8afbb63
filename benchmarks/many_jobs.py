"""100 recorded jobs watched at once by one process: CPU a round, memory a job.

A real demo cluster of five jobs is recorded once, then played back as 20 clusters. The answers are
in memory, so what is measured is decoding, folding, judging and rendering, without the network.
"""

import asyncio
import json
import resource
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from benchmarks.machine import machine
from demo.cluster import Cluster
from demo.scenarios import DEMO, submit
from drsquirrel import oneshot
from drsquirrel.cluster import Watch
from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.collect.recording import Recording, read
from drsquirrel.collect.replay import RecordedClock, RecordedGet
from drsquirrel.desk import Desk
from drsquirrel.on_desk import RunDesk
from drsquirrel.rules.load import load
from drsquirrel.settings import Cluster as Target
from drsquirrel.settings import Settings

RESULT = Path(__file__).parent / "results" / "many_jobs.json"
RECORDED_S = 150.0
CLUSTERS = 20
encode = msgspec.json.Encoder().encode


def main() -> None:
    result: dict[str, object] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "demo.recording"
        with Cluster("2.3.0", fast_start=True) as cluster:
            for scenario in DEMO:
                submit(cluster, scenario)
            record(cluster.url, file)
        result["recording_bytes"] = file.stat().st_size
        recording = read(file)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result |= asyncio.run(play(recording))
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    result["peak_kib_per_job"] = grown_kib / (CLUSTERS * len(DEMO))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    json.dump(result, sys.stdout, indent=2)
    print()


def record(url: str, file: Path) -> None:
    settings, rules = Settings(), load()
    asyncio.run(oneshot.record(Target(url=url), file, settings, rules, RECORDED_S, print))


async def play(recording: Recording) -> dict[str, object]:
    """All clusters on one desk; what is stored of each job is rendered too."""
    clock, desk, settings = RecordedClock(recording.begins_ms), Desk(load()), Settings()
    rounds, reports, rendered_bytes = 0, 0, 0
    over = asyncio.Event()

    async def after(_: Round, judged: list[RunDesk]) -> None:
        nonlocal rounds, reports, rendered_bytes
        rounds += 1
        if clock.now_ms() >= recording.ends_ms:
            over.set()
        for run in judged:
            if run.report is not None:
                reports += 1
                rendered_bytes += len(encode(run.report))

    began_s, wall_s = time.process_time(), time.monotonic()
    with ThreadPoolExecutor(1) as thread:
        watches = [
            Watch(
                f"cluster-{i}",
                RecordedGet(recording, clock),
                desk,
                clock,
                settings,
                thread,
                dumps_allowed=False,
            )
            for i in range(CLUSTERS)
        ]
        tasks = [asyncio.create_task(watch.run(after)) for watch in watches]
        end = asyncio.create_task(over.wait())
        done, _ = await asyncio.wait([end, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in (end, *tasks):
            task.cancel()
        await asyncio.gather(end, *tasks, return_exceptions=True)
        for task in done:
            task.result()
    cpu_s, took_s = time.process_time() - began_s, time.monotonic() - wall_s
    per_round_s = cpu_s / max(1, rounds) * CLUSTERS
    return {
        "jobs": CLUSTERS * len(DEMO),
        "rounds_of_a_cluster": rounds,
        "reports": reports,
        "bytes_per_report": rendered_bytes / max(1, reports),
        "cpu_s_per_round_of_all": per_round_s,
        "share_of_a_core_at_10_s": per_round_s / 10,
        "wall_s_per_round_of_all": took_s / max(1, rounds) * CLUSTERS,
    }


if __name__ == "__main__":
    main()
