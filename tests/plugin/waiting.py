"""Waits for a real Flink."""

import time
from collections.abc import Callable

from demo.cluster import Cluster

ENOUGH_S = 90.0
POLL_S = 0.1


def wait_for(holds: Callable[[], object], what: str, timeout_s: float = ENOUGH_S) -> float:
    """Wait until it holds; returns how long it took, in s."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() < began + timeout_s, f"waited {timeout_s:.0f} s for {what}"
        time.sleep(POLL_S)
    return time.monotonic() - began


def records(cluster: Cluster, job: str) -> int:
    """How many the job's vertices have read."""
    return sum(vertex["metrics"]["read-records"] for vertex in cluster.job(job)["vertices"])


def wait_for_records(cluster: Cluster, job: str, more: int, timeout_s: float = ENOUGH_S) -> None:
    """Wait until the job's vertices have read so many records more."""
    enough = records(cluster, job) + more
    wait_for(lambda: records(cluster, job) >= enough, f"{more} records more", timeout_s)
