"""A TaskManager that the kernel limits tells these limits, and what it has used of them."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo import plugin
from demo.broker import Broker
from demo.cluster import Cluster
from drsquirrel.model.event import Place
from tests.plugin.cgroup import Cgroup, cgroup
from tests.plugin.intruder import SAID_S, compiled, intruder
from tests.plugin.listener import Listener, number

MEMORY_BYTES = 1 << 30
CPUS = 0.75
NEAR = 0.2
"""By such a share two looks at a living process differ."""
FIGURES = (
    "rss_bytes",
    "cgroup_memory_limit_bytes",
    "cgroup_memory_used_bytes",
    "cgroup_cpu_limit_micro",
    "cgroup_throttled_ms",
)


@dataclass
class Scene:
    """A TaskManager outside and one in a group."""

    listener: Listener
    group: Cgroup
    free: int
    limited: int
    """Their process ids."""

    def told(self, pid: int) -> dict[str, float | None]:
        """What this process says in its newest report about itself."""
        containers = {e.pid: c for c, e in self.listener.said("hello").items()}
        reports = [
            report
            for report in self.listener.reports("")
            if report.origin.container == containers.get(pid)
        ]
        return {n: number(reports[-1], n, Place()) for n in FIGURES} if reports else {}

    def near(self, pid: int, name: str, kernel_says: int) -> bool:
        return abs((self.told(pid).get(name) or 0) - kernel_says) <= NEAR * kernel_says


@pytest.fixture(scope="module")
def scene(jar: Path) -> Iterator[Scene]:
    with ExitStack() as stack:
        group = stack.enter_context(cgroup(MEMORY_BYTES, CPUS))
        broker = stack.enter_context(Broker())
        plugin.make_topics(broker.address, partitions=1)
        listener = stack.enter_context(closing(Listener(broker.address)))
        config = {
            **plugin.options("shop", broker.address),
            "metrics.reporter.squirrel.interval": "1 SECONDS",
        }
        cluster = stack.enter_context(
            Cluster(
                "2.3.0", taskmanagers=1, fast_start=True, plugins={"drsquirrel": jar}, config=config
            )
        )
        with group.inside():
            cluster.start_taskmanager()
        cluster.wait_registered()
        pids = cluster.pids
        scene = Scene(listener, group, pids["taskmanager-0"], pids["taskmanager-1"])
        listener.until(lambda: scene.told(scene.limited) and scene.told(scene.free))
        yield scene
        cluster.kill_taskmanager(1)


@pytest.mark.flink
@pytest.mark.alone
def test_it_tells_the_limits_of_its_group(scene: Scene) -> None:
    told = scene.told(scene.limited)
    assert told["cgroup_memory_limit_bytes"] == MEMORY_BYTES
    assert told["cgroup_cpu_limit_micro"] == CPUS * 1_000_000


@pytest.mark.flink
@pytest.mark.alone
def test_it_tells_what_the_kernel_says_that_it_has_used(scene: Scene) -> None:
    for name, kernel in (
        ("cgroup_memory_used_bytes", lambda: scene.group.used_bytes),
        ("cgroup_throttled_ms", lambda: scene.group.throttled_ms),
        ("rss_bytes", lambda: rss_bytes(scene.limited)),
    ):
        assert scene.listener.until(lambda n=name, k=kernel: scene.near(scene.limited, n, k())), (
            name
        )
        assert kernel() > 0


def rss_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) << 10


@pytest.mark.flink
@pytest.mark.alone
def test_one_that_is_not_in_it_tells_nothing_of_it(scene: Scene) -> None:
    told = scene.told(scene.free)
    assert told["cgroup_memory_limit_bytes"] != MEMORY_BYTES
    assert told["cgroup_cpu_limit_micro"] != CPUS * 1_000_000
    assert (told["rss_bytes"] or 0) > 0


@pytest.mark.flink
@pytest.mark.alone
def test_a_limit_that_is_changed_is_told_anew(scene: Scene) -> None:
    less = MEMORY_BYTES - (64 << 20)
    scene.group.limit_memory(less)
    scene.group.limit_cpus(2 * CPUS)
    assert scene.listener.until(
        lambda: (
            scene.told(scene.limited)["cgroup_memory_limit_bytes"] == less
            and scene.told(scene.limited)["cgroup_cpu_limit_micro"] == 2 * CPUS * 1_000_000
        )
    )


def test_a_process_without_a_cluster_tells_the_limits(
    jar: Path, broker: Broker, tmp_path: Path
) -> None:
    prefix = "cgroup-"
    plugin.make_topics(broker.address, prefix, partitions=1)
    with ExitStack() as stack:
        group = stack.enter_context(cgroup(MEMORY_BYTES, CPUS))
        listener = stack.enter_context(closing(Listener(broker.address, prefix)))
        options = (
            "cluster=x",
            f"kafka.bootstrap.servers={broker.address}",
            f"topic.prefix={prefix}",
        )
        with group.inside():
            java = intruder(jar, compiled(tmp_path), tmp_path, "messages 1", *options)
        with java:
            assert java.line(SAID_S) == "said"
            [report, *_] = listener.until(lambda: listener.reports(""))
            told = {name: number(report, name, Place()) for name in FIGURES}
    assert told["cgroup_memory_limit_bytes"] == MEMORY_BYTES
    assert told["cgroup_cpu_limit_micro"] == CPUS * 1_000_000
    assert 0 < (told["cgroup_memory_used_bytes"] or 0) <= MEMORY_BYTES
