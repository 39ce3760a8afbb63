"""What watching costs the watched: requests, bytes and CPU a round, 10 vertices × 8 subtasks.

The CPU of each JVM is read from /proc while the watch is on and off in turn, so that what the job
itself uses cancels out. A watch lasts for days, and a JVM compiles what it does often: so the
cluster is first asked as often as in half an hour.
"""

import asyncio
import json
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.process import cpu_s
from demo.cluster import Cluster
from demo.scenarios import CONFIG, JOB_CLASS
from drsquirrel.cluster import SystemClock, Watch, client_of
from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.desk import Desk
from drsquirrel.on_desk import RunDesk
from drsquirrel.rules.load import load
from drsquirrel.settings import Cluster as Target
from drsquirrel.settings import Settings

RESULT = Path(__file__).parent / "results" / "rest_round.json"
MINUTES = int(os.environ.get("MINUTES", "24"))
"""Half of them watched."""
PHASE_MINUTES = 3
STEPS = 7
"""Beside source, lookup and sink: 10 vertices."""
USUAL = Settings()
WARM_UP = Settings(poll_interval_s=2)
WARM_UP_S = 360


def main() -> None:
    if (least := 2 * PHASE_MINUTES) > MINUTES:
        sys.exit(f"MINUTES={MINUTES}: a phase watched and one unwatched take {least}.")
    result: dict[str, object] = {"machine": machine(), "minutes": MINUTES}
    with Cluster("2.3.0", slots=8, heap_mb=384) as cluster:
        job = cluster.run(
            JOB_CLASS,
            name="long",
            args=["--rate", "200", "--steps", str(STEPS), "--to-enrich", "rebalance"],
            parallelism=8,
            config=CONFIG,
        )
        cluster.wait_running(job)
        result["vertices"] = len(cluster.job(job)["vertices"])
        asyncio.run(watch_for(cluster.url, WARM_UP_S, WARM_UP))
        result |= asyncio.run(measure(cluster))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    json.dump(result, sys.stdout, indent=2)
    print()


async def measure(cluster: Cluster) -> dict[str, object]:
    """Watched and unwatched minutes in turn; CPU shares are of one core.

    The first round of each watch, which lists names once, is in the shares of CPU only.
    """
    rounds: list[Round] = []
    cpu: dict[bool, list[dict[str, float]]] = {True: [], False: []}
    own_s = 0.0
    phase_s = PHASE_MINUTES * 60
    for phase in range(MINUTES // PHASE_MINUTES):
        watched = phase % 2 == 0
        before, own_before, began = used_s(cluster), time.process_time(), time.monotonic()
        if watched:
            rounds += await watch_for(cluster.url, phase_s)
        else:
            await asyncio.sleep(phase_s)
        took = time.monotonic() - began
        after = used_s(cluster)
        cpu[watched].append({name: (after[name] - before[name]) / took for name in after})
        own_s += (time.process_time() - own_before) if watched else 0.0
    told = [r for r in rounds if r.answered]
    cost = {
        name: {
            "watched_cores": statistics.median(m[name] for m in cpu[True]),
            "unwatched_cores": statistics.median(m[name] for m in cpu[False]),
            "difference_cores": statistics.median(
                a[name] - b[name] for a, b in zip(cpu[True], cpu[False], strict=True)
            ),
        }
        for name in cluster.pids
    }
    return {
        "rounds": len(told),
        "requests_per_round": statistics.median(r.requests for r in told),
        "bytes_per_round": statistics.median(r.bytes for r in told),
        "round_ms": statistics.median(r.took_ms for r in told),
        "cpu": cost,
        "own_cores_while_watching": own_s / (MINUTES * 60 / 2),
    }


def used_s(cluster: Cluster) -> dict[str, float]:
    """CPU seconds of each process of the cluster."""
    return {name: cpu_s(pid) for name, pid in cluster.pids.items()}


async def watch_for(url: str, seconds: float, settings: Settings = USUAL) -> list[Round]:
    """Watch as the app does; returns the rounds but the first."""
    found: list[Round] = []
    with ThreadPoolExecutor(1) as thread:
        async with client_of(Target(url=url), Settings()) as client:
            watch = Watch(
                "bench",
                client,
                Desk(load()),
                SystemClock(),
                settings,
                thread,
                dumps_allowed=False,
            )

            async def after(made: Round, _: list[RunDesk]) -> None:
                found.append(made)

            rounds = asyncio.create_task(watch.run(after, lambda: client.received_bytes))
            await asyncio.sleep(seconds)
            rounds.cancel()
            await asyncio.gather(rounds, return_exceptions=True)
    return found[1:]


if __name__ == "__main__":
    main()
