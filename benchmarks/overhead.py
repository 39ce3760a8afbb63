"""What the plugin costs a job that uses all CPU there is, beside Flink's Prometheus reporter.

A round starts one cluster for each arm. Then the one without a reporter runs the job at the same
time as one of the others, each on a core of its own, and once more with the cores exchanged: two
pairs for each arm. What slows the machine slows both. A ratio is of the pairs of a round together,
for those of one process are not independent. With Flink's own metrics, and with 100,000 more. A
round that was over when the run was interrupted is not made again.
"""

import json
import os
import re
import statistics
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError

import msgspec

from benchmarks.machine import machine
from benchmarks.process import cpu_s
from benchmarks.ratio import interval
from demo import plugin
from demo.broker import Broker
from demo.cluster import Cluster
from demo.flink_home import cache_folder
from demo.jobs import build
from demo.maven import maven
from demo.port import free_port
from tests.plugin.jcmd import jcmd

ROUNDS = int(os.environ.get("ROUNDS", "10"))
TURN_S = float(os.environ.get("TURN_S", "10"))
METRICS = tuple(map(int, os.environ.get("METRICS", "0,100000").split(",")))
LINES_PER_S = int(os.environ.get("LINES_PER_S", "1000"))
FOLDER = Path(os.environ.get("RESULTS", Path(__file__).parent / "results"))
SOURCE = Path(__file__).parent / "Saturated.java"
FLINK = "2.3.0"
CORES = sorted(os.sched_getaffinity(0))[:2]
HEAP_MB = 640
INTERVAL_S = 10.0
"""Of reports and of scrapes."""
DONE_S = 600.0
WARM_UP_RUNS = 3
FIRST_RECORDS = 1_000_000
"""By which the first pair finds out how many records make a run of that length."""
REPORTERS = ("drsquirrel-", "kafka-producer-", "Flink-MetricReg", "prometheus-http")
"""How the names of threads begin that only report, in a process of Flink."""
OURS = ("ours, metrics", "ours, metrics and logs")
ARMS = ("none", "prometheus", *OURS)


@dataclass
class Run:
    """One run of the job."""

    records_per_s: float
    """While both of the pair ran."""
    cpu_us_per_record: float
    """Of the whole TaskManager."""
    start_s: float
    """In which the task starts and registers its metrics."""
    reporter_cpu_ms_per_s: float
    """Of the threads that only report."""


@dataclass
class Pair:
    """An arm, and beside it one without a reporter."""

    arm: str
    run: Run
    none: Run


@dataclass
class Round:
    """All pairs, and the heap that was alive while the job ran, by arm."""

    pairs: list[Pair]
    heap_mb: dict[str, float]
    records: int
    load: float


def main() -> None:
    for metrics in METRICS:
        name = f"overhead_{metrics}_metrics" if metrics else "overhead"
        done_file = Path(f".run/evidence/{name}.jsonl")
        before = machine()
        rounds = read(done_file)
        with TemporaryDirectory(prefix="overhead-") as folder:
            job = compiled(Path(folder))
            for number in range(len(rounds), ROUNDS):
                records = rounds[0].records if rounds else 0
                rounds.append(one_round(job, metrics, number, records))
                done_file.parent.mkdir(parents=True, exist_ok=True)
                with done_file.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(rounds[-1])) + "\n")
                print(f"{name}: {len(rounds)} of {ROUNDS} rounds are over", file=sys.stderr)
        result = {"machine": before, **summary(rounds, metrics)}
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
        json.dump(result, sys.stdout, indent=2)
        print()
        done_file.unlink()


def read(done: Path) -> list[Round]:
    lines = done.read_bytes().splitlines() if done.exists() else []
    return [msgspec.json.decode(line, type=Round) for line in lines]


def compiled(folder: Path) -> Path:
    """The job's jar."""
    jar = folder / "saturated.jar"
    build.write_jar(build.compile_classes([SOURCE], FLINK), jar)
    return jar


def prometheus_jar() -> Path:
    """Flink's own reporter for Prometheus, fetched once."""
    jar = cache_folder() / f"flink-metrics-prometheus-{FLINK}.jar"
    if not jar.exists():
        artifact = f"org.apache.flink:flink-metrics-prometheus:{FLINK}"
        copy = ("dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={jar.parent}")
        maven(plugin.PLUGIN / "pom.xml", *copy)
    return jar


class Arm:
    """A cluster with one TaskManager that has one slot."""

    def __init__(self, name: str, brokers: str, folder: Path) -> None:
        self.name = name
        self.job = ""
        self.progress_file = folder / name
        self.ports = range(0)
        config: dict[str, str] = {}
        plugins: dict[str, Path] = {}
        if name == "prometheus":
            first = free_port()
            self.ports = range(first, first + 10)
            reporter = "metrics.reporter.prom"
            factory = "org.apache.flink.metrics.prometheus.PrometheusReporterFactory"
            config = {
                f"{reporter}.factory.class": factory,
                f"{reporter}.port": f"{self.ports[0]}-{self.ports[-1]}",
            }
            plugins = {"metrics-prometheus": prometheus_jar()}
        elif name in OURS:
            config = plugin.options("overhead", brokers)
            config["metrics.reporter.squirrel.logs"] = str(name == OURS[1]).lower()
            plugins = {"drsquirrel": plugin.build()}
        self.cluster = Cluster(
            FLINK,
            taskmanagers=1,
            slots=1,
            heap_mb=HEAP_MB,
            config=config,
            plugins=plugins,
        )

    @property
    def pid(self) -> int:
        return self.cluster.pids["taskmanager-0"]

    def upload(self, jar: Path) -> None:
        self._jar_id = self.cluster.rest.upload(jar)

    def pin(self, core: int) -> None:
        """Keep all threads of the TaskManager on one core, and those that they begin."""
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), {core})

    def begin(self, metrics: int, records: int) -> None:
        """Submit the job, and note what was used before."""
        self._began = time.monotonic()
        self._used = cpu_s(self.pid), self.reporter_ns()
        self.job = self.submit(metrics, records)

    def wait_finished(self) -> None:
        deadline = time.monotonic() + DONE_S
        while (state := self.cluster.job(self.job)["state"]) != "FINISHED":
            assert state not in ("FAILED", "CANCELED"), self.cluster.log_tail()
            assert time.monotonic() < deadline, "the job does not end: lower RECORDS"
            time.sleep(1)

    def progress(self) -> list[tuple[int, int]]:
        """When (ms) how many records had passed."""
        lines = self.progress_file.read_text().splitlines()
        return [(int(ms), int(n)) for ms, n in map(str.split, lines)]

    def told(self, records: int, window_ms: range) -> Run:
        """What the job that is over has used; its rate in this span of time."""
        took_s = time.monotonic() - self._began
        began_s, reporter_ns = self._used
        inside = [(ms, n) for ms, n in self.progress() if window_ms[0] <= ms <= window_ms[-1]]
        (first_ms, first), (last_ms, last) = inside[0], inside[-1]
        [vertex] = self.cluster.job(self.job)["vertices"]
        path = f"/jobs/{self.job}/vertices/{vertex['id']}/subtasktimes"
        [times] = [s["timestamps"] for s in self.cluster.rest.get(path)["subtasks"]]
        return Run(
            records_per_s=(last - first) / (last_ms - first_ms) * 1000,
            cpu_us_per_record=(cpu_s(self.pid) - began_s) * 1e6 / records,
            start_s=(times["RUNNING"] - times["INITIALIZING"]) / 1000,
            reporter_cpu_ms_per_s=(self.reporter_ns() - reporter_ns) / 1e6 / took_s,
        )

    def submit(self, metrics: int, records: int) -> str:
        told = {
            "--records": records,
            "--metrics": metrics,
            "--lines": LINES_PER_S,
            "--progress": self.progress_file,
        }
        arguments = [str(word) for pair in told.items() for word in pair]
        run = {
            "entryClass": SOURCE.stem,
            "programArgsList": arguments,
            "parallelism": 1,
        }
        return str(self.cluster.rest.post(f"/jars/{self._jar_id}/run", run)["jobid"])

    def reporter_ns(self) -> int:
        used = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            if (task / "comm").read_text().startswith(REPORTERS):
                used += int((task / "schedstat").read_text().split()[0])
        return used

    def heap_alive_mb(self) -> float:
        """What a full collection leaves; counted with it, for the job makes garbage fast."""
        told = jcmd(self.pid, "GC.class_histogram")
        found = re.search(r"^Total +\d+ +(\d+)$", told, re.M)
        assert found, told[-500:]
        return round(int(found.group(1)) / (1 << 20), 1)

    @contextmanager
    def scraped(self) -> Iterator[None]:
        """As Prometheus does it: every process once in an interval."""
        over = threading.Event()
        thread = threading.Thread(target=self._scrape, args=(over,), name="scrape")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _scrape(self, over: threading.Event) -> None:
        wait_s = INTERVAL_S / 2
        while not over.wait(wait_s):
            wait_s = INTERVAL_S
            for port in self.ports:
                try:
                    url = f"http://127.0.0.1:{port}/metrics"
                    with urllib.request.urlopen(url, timeout=30) as answer:
                        while answer.read(1 << 16):
                            pass
                except TimeoutError:
                    continue
                except URLError:
                    break  # of the range Flink takes the first


@contextmanager
def running(metrics: int, records: int, arms: Sequence[Arm]) -> Iterator[None]:
    """The job runs on two at the same time, each on a core of its own, to its end."""
    with ExitStack() as stack:
        for arm, core in zip(arms, CORES, strict=True):
            stack.enter_context(arm.scraped())
            arm.pin(core)
        for arm in arms:
            arm.begin(metrics, records)
        yield
        for arm in arms:
            arm.wait_finished()


def warmed_up(metrics: int, records: int, arms: Sequence[Arm]) -> dict[str, float]:
    """Run the job on two until all is compiled; returns the MB of heap that are alive in the middle
    of the last run."""
    for _ in range(WARM_UP_RUNS - 1):
        with running(metrics, records, arms):
            pass
    with running(metrics, records, arms):
        for arm in arms:
            arm.cluster.wait_running(arm.job, timeout_s=DONE_S)
        time.sleep(TURN_S / 2)
        return {arm.name: arm.heap_alive_mb() for arm in arms}


def pair(metrics: int, records: int, arms: Sequence[Arm]) -> Pair:
    """The job on two at the same time, of which one is without a reporter."""
    with running(metrics, records, arms):
        pass
    spans = [(told[0][0], told[-1][0]) for told in (arm.progress() for arm in arms)]
    window_ms = range(max(s[0] for s in spans), min(s[1] for s in spans) + 1)
    runs = {arm.name: arm.told(records, window_ms) for arm in arms}
    none = runs.pop(ARMS[0])
    [(name, run)] = runs.items()
    return Pair(name, run, none)


def one_round(jar: Path, metrics: int, number: int, records: int) -> Round:
    """Fresh clusters, warmed up."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="overhead-")))
        broker = stack.enter_context(Broker())
        plugin.make_topics(broker.address, partitions=1)
        arms = [Arm(name, broker.address, folder) for name in ARMS]
        for arm in arms:
            stack.enter_context(arm.cluster)
            arm.upload(jar)
        if not records:
            warmed_up(metrics, FIRST_RECORDS, arms[:2])
            records = round(pair(metrics, FIRST_RECORDS, arms[:2]).none.records_per_s * TURN_S)
        heap_mb = warmed_up(metrics, records, arms[:2]) | warmed_up(metrics, records, arms[2:])
        none, *others = arms
        order = others[number % len(others) :] + others[: number % len(others)]
        pairs = [pair(metrics, records, [none, other]) for other in order]
        pairs += [pair(metrics, records, [other, none]) for other in order]
    return Round(pairs, heap_mb, records, round(os.getloadavg()[0], 1))


def summary(rounds: Sequence[Round], metrics: int) -> dict[str, object]:
    of_arm = {arm: [ratios(one, arm) for one in rounds] for arm in ARMS[1:]}
    against = {
        arm: [
            {figure: ours[figure] / theirs[figure] for figure in ours}
            for ours, theirs in zip(of_arm[arm], of_arm[ARMS[1]], strict=True)
        ]
        for arm in OURS
    }
    return {
        "rounds": len(rounds),
        "pairs": 2 * len(rounds),
        "records": rounds[0].records,
        "more_metrics": metrics,
        "lines_per_s": LINES_PER_S,
        "arms": {arm: figures(rounds, arm) for arm in ARMS},
        "ratios": {f"{arm} to none": intervals(found) for arm, found in of_arm.items()}
        | {f"{arm} to {ARMS[1]}": intervals(found) for arm, found in against.items()},
        "loads": [r.load for r in rounds],
    }


def figures(rounds: Sequence[Round], arm: str) -> Mapping[str, float]:
    """The medians of all runs of an arm."""
    runs = [
        run
        for one in rounds
        for of_pair in one.pairs
        for name, run in ((of_pair.arm, of_pair.run), (ARMS[0], of_pair.none))
        if name == arm
    ]
    found = {
        figure.name: round(statistics.median(getattr(run, figure.name) for run in runs), 4)
        for figure in fields(Run)
    }
    heap_mb = statistics.median(one.heap_mb[arm] for one in rounds)
    return {**found, "heap_alive_mb": round(heap_mb, 1)}


def ratios(one: Round, arm: str) -> dict[str, float]:
    """Of an arm to none, over its pairs in a round."""
    found = [p for p in one.pairs if p.arm == arm]
    return {
        name: statistics.geometric_mean(getattr(p.run, of) / getattr(p.none, of) for p in found)
        for name, of in (("throughput", "records_per_s"), ("cpu", "cpu_us_per_record"))
    }


def intervals(found: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {figure: interval([one[figure] for one in found]) for figure in found[0]}


if __name__ == "__main__":
    main()
