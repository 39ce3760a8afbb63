import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from demo.cluster import Cluster
from demo.rest import FlinkError
from demo.scenarios import SCENARIOS, submit

pytestmark = pytest.mark.flink


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    # With the default of 50 s a TaskManager takes as long to see that the JobManager is a new one.
    heartbeats = {"heartbeat.interval": "2000", "heartbeat.timeout": "12000"}
    with Cluster(taskmanagers=2, slots=8, fast_start=True, config=heartbeats) as running:
        yield running


def wait_until(condition: Callable[[], bool], timeout_s: float = 60) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def pending(cluster: Cluster, job_id: str) -> float:
    """The sum of pendingRecords over the source's subtasks; -1 as long as Flink shows none."""
    source = next(v["id"] for v in cluster.job(job_id)["vertices"] if "Source" in v["name"])
    path = f"/jobs/{job_id}/vertices/{source}/subtasks/metrics"
    names = [m["id"] for m in cluster.rest.get(path) if m["id"].endswith(".pendingRecords")]
    if not names:
        return -1
    return float(cluster.rest.get(f"{path}?get={names[0]}&agg=sum")[0]["sum"])


def listeners(pid: int) -> set[str]:
    """The addresses, in /proc's hexadecimal, on which a process accepts TCP connections."""
    sockets = {
        path.readlink().name for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()
    }
    addresses = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                addresses.add(fields[1].split(":")[0])
    return addresses


def test_flink_listens_on_loopback_only(cluster: Cluster) -> None:
    loopback = {"0100007F", "0000000000000000FFFF00000100007F"}
    found = {address for pid in cluster.pids.values() for address in listeners(pid)}
    assert found
    assert found <= loopback


def test_a_slow_sink_lets_records_pile_up_in_the_queue_and_a_healthy_job_does_not(
    cluster: Cluster,
) -> None:
    healthy = submit(cluster, SCENARIOS["healthy"])
    slow = submit(cluster, SCENARIOS["slow-sink"])
    cluster.wait_running(healthy)
    cluster.wait_running(slow)
    assert wait_until(lambda: pending(cluster, slow) > 300)
    # On a busy machine records wait for a moment: what does not pass is a fault.
    assert wait_until(lambda: 0 <= pending(cluster, healthy) < 100)
    assert pending(cluster, slow) > 300
    for job_id in (healthy, slow):
        cluster.cancel(job_id)
        assert cluster.job(job_id)["state"] == "CANCELED"


def test_a_restart_reads_the_same_record_again_and_fails_with_the_same_exception(
    cluster: Cluster,
) -> None:
    soon = replace(SCENARIOS["restart-loop"], args="--rate 400 --enrich reject:300")
    job_id = submit(cluster, soon)

    def messages() -> list[str]:
        history = cluster.rest.get(f"/jobs/{job_id}/exceptions")["exceptionHistory"]
        return [entry["stacktrace"].splitlines()[0] for entry in history["entries"]]

    assert wait_until(lambda: len(messages()) >= 2)
    assert set(messages()) == {
        "com.example.shop.work.InvalidOrderException: order of customer-28 has no delivery address"
    }
    cluster.cancel(job_id)


def test_a_job_with_an_end_finishes(cluster: Cluster) -> None:
    job_id = cluster.run(
        "com.example.shop.ShopJob", name="short", args=["--rate", "1000", "--limit", "2000"]
    )
    assert wait_until(lambda: cluster.job(job_id)["state"] == "FINISHED")
    sink = cluster.job(job_id)["vertices"][-1]
    assert sink["metrics"]["read-records"] == 2000


def test_an_argument_the_job_does_not_know_is_refused(cluster: Cluster) -> None:
    with pytest.raises(FlinkError, match="unknown arguments"):
        cluster.run("com.example.shop.ShopJob", name="wrong", args=["--no-such", "1"])


def test_a_paused_taskmanager_stands_still_and_goes_on(cluster: Cluster) -> None:
    status = Path(f"/proc/{cluster.pids['taskmanager-1']}/status")
    cluster.pause_taskmanager(1)
    assert wait_until(lambda: "State:\tT" in status.read_text(), 5)
    cluster.resume_taskmanager(1)
    assert wait_until(lambda: "State:\tS" in status.read_text(), 5)


def test_a_killed_taskmanager_is_gone_and_a_new_one_registers(cluster: Cluster) -> None:
    def registered() -> set[str]:
        return {each["id"] for each in cluster.rest.get("/taskmanagers")["taskmanagers"]}

    before = registered()
    cluster.kill_taskmanager(0)
    assert set(cluster.pids) == {"jobmanager", "taskmanager-1"}
    assert cluster.start_taskmanager() == 2
    assert wait_until(lambda: len(registered() & before) == 1 and len(registered() - before) == 1)


def test_a_restarted_jobmanager_is_at_the_same_address_without_jobs(cluster: Cluster) -> None:
    submit(cluster, SCENARIOS["nearly-idle"])
    before, url = cluster.pids["jobmanager"], cluster.url
    cluster.restart_jobmanager()
    assert cluster.url == url
    assert cluster.pids["jobmanager"] != before
    overview = cluster.rest.get("/overview")
    assert (overview["taskmanagers"], overview["jobs-running"]) == (2, 0)
    cluster.wait_running(submit(cluster, SCENARIOS["nearly-idle"]))


def children(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        found += map(int, path.read_text().split())
    return found


def ended(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def starting_demo(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m demo`, caught when its three JVMs have just been started."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "demo"],
        stdout=subprocess.DEVNULL,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(tmp_path)},
    )
    try:
        assert wait_until(lambda: len(children(demo.pid)) == 3)
        yield demo
    finally:
        demo.kill()
        demo.wait()


def test_kill_9_of_the_demo_leaves_no_jvm(starting_demo: subprocess.Popen[bytes]) -> None:
    jvms = children(starting_demo.pid)
    starting_demo.kill()
    assert wait_until(lambda: all(ended(pid) for pid in jvms), 10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_leave_neither_a_jvm_nor_a_folder(
    starting_demo: subprocess.Popen[bytes], number: int, tmp_path: Path
) -> None:
    jvms = children(starting_demo.pid)
    starting_demo.send_signal(number)
    assert starting_demo.wait(30) == 0
    assert all(ended(pid) for pid in jvms)
    assert list(tmp_path.glob("demo-flink-*")) == []
