"""What the plugin costs a job that uses all CPU there is, beside Flink's Prometheus reporter.

A round starts one cluster for each arm and lets them take turns with the same job, there and back:
two pairs of turns for any two arms, in fresh processes. A ratio is of the turns of a round
together, for those of one process are not independent. With Flink's own metrics, and with 100,000
more. A round that was over when the run was interrupted is not made again.
"""

import json
import math
import os
import re
import statistics
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError

import msgspec

from benchmarks.machine import machine
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
PARALLELISM = os.cpu_count() or 2
HEAP_MB = 640
INTERVAL_S = 10.0
"""Of reports and of scrapes."""
DONE_S = 600.0
FIRST_RECORDS = 1_000_000
"""By which the first run finds out how many records make a turn of that length."""
REPORTERS = ("drsquirrel-", "kafka-producer-", "Flink-MetricReg", "prometheus-http")
"""How the names of threads begin that only report, in a process of Flink."""
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
OURS = ("ours, metrics", "ours, metrics and logs")
ARMS = ("none", "prometheus", *OURS)


@dataclass
class Turn:
    """One run of the job."""

    arm: str
    records_per_s: float
    cpu_us_per_record: float
    """Of the whole TaskManager."""
    start_s: float
    """In which the tasks start and register their metrics."""
    reporter_cpu_ms_per_s: float
    """Of the threads that only report."""


@dataclass
class Round:
    """All turns, and the heap that was alive while the job ran, by arm."""

    turns: list[Turn]
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
    """A cluster with one TaskManager that has as many slots as there are cores."""

    def __init__(self, name: str, brokers: str) -> None:
        self.name = name
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
            slots=PARALLELISM,
            heap_mb=HEAP_MB,
            config=config,
            plugins=plugins,
        )

    @property
    def pid(self) -> int:
        return self.cluster.pids["taskmanager-0"]

    def upload(self, jar: Path) -> None:
        self._jar_id = self.cluster.rest.upload(jar)

    def turn(self, metrics: int, records: int) -> Turn:
        """Run the job to its end."""
        began = time.monotonic()
        cpu_s, reporter_ns = self.cpu_s(), self.reporter_ns()
        with self.scraped():
            job = self.submit(metrics, records)
            self.wait_finished(job)
        cpu_s, reporter_ns = self.cpu_s() - cpu_s, self.reporter_ns() - reporter_ns
        took_s = time.monotonic() - began
        running_ms, finished_ms, initializing_ms = self.times(job)
        return Turn(
            arm=self.name,
            records_per_s=records / (finished_ms - running_ms) * 1000,
            cpu_us_per_record=cpu_s * 1e6 / records,
            start_s=(running_ms - initializing_ms) / 1000,
            reporter_cpu_ms_per_s=reporter_ns / 1e6 / took_s,
        )

    def warmed_up(self, metrics: int, records: int) -> float:
        """Run the job once; returns the MB of heap that are alive in the middle of it."""
        with self.scraped():
            job = self.submit(metrics, records)
            self.cluster.wait_running(job, timeout_s=DONE_S)
            time.sleep(TURN_S / 4)
            alive_mb = self.heap_alive_mb()
            self.wait_finished(job)
        return alive_mb

    def submit(self, metrics: int, records: int) -> str:
        numbers = {"--records": records, "--metrics": metrics, "--lines": LINES_PER_S}
        arguments = [str(word) for pair in numbers.items() for word in pair]
        run = {
            "entryClass": SOURCE.stem,
            "programArgsList": arguments,
            "parallelism": PARALLELISM,
        }
        return str(self.cluster.rest.post(f"/jars/{self._jar_id}/run", run)["jobid"])

    def wait_finished(self, job: str) -> None:
        deadline = time.monotonic() + DONE_S
        while (state := self.cluster.job(job)["state"]) != "FINISHED":
            assert state not in ("FAILED", "CANCELED"), self.cluster.log_tail()
            assert time.monotonic() < deadline, "the job does not end: lower RECORDS"
            time.sleep(1)

    def times(self, job: str) -> tuple[int, int, int]:
        """When all subtasks ran, when the last was finished, when the first began to start."""
        [vertex] = self.cluster.job(job)["vertices"]
        path = f"/jobs/{job}/vertices/{vertex['id']}/subtasktimes"
        times = [s["timestamps"] for s in self.cluster.rest.get(path)["subtasks"]]
        return (
            max(t["RUNNING"] for t in times),
            max(t["FINISHED"] for t in times),
            min(t["INITIALIZING"] for t in times),
        )

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

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
        yield
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


def one_round(jar: Path, metrics: int, number: int, records: int) -> Round:
    """Fresh clusters, each warmed up by one run; then there and back again."""
    order = [*ARMS[number % len(ARMS) :], *ARMS[: number % len(ARMS)]]
    with ExitStack() as stack:
        broker = stack.enter_context(Broker())
        plugin.make_topics(broker.address, partitions=1)
        arms = [Arm(name, broker.address) for name in order]
        heap_mb = {}
        for arm in arms:
            stack.enter_context(arm.cluster)
            arm.upload(jar)
            if not records:
                arm.turn(metrics, FIRST_RECORDS)
                records = round(arm.turn(metrics, FIRST_RECORDS).records_per_s * TURN_S)
            heap_mb[arm.name] = arm.warmed_up(metrics, records)
        turns = [arm.turn(metrics, records) for arm in (*arms, *reversed(arms))]
    return Round(turns, heap_mb, records, round(os.getloadavg()[0], 1))


def summary(rounds: Sequence[Round], metrics: int) -> dict[str, object]:
    return {
        "rounds": len(rounds),
        "pairs": 2 * len(rounds),
        "records": rounds[0].records,
        "more_metrics": metrics,
        "lines_per_s": LINES_PER_S,
        "arms": {arm: figures(rounds, arm) for arm in ARMS},
        "ratios": {
            f"{arm} to {to}": {
                "throughput": interval(ratios(rounds, arm, to, "records_per_s")),
                "cpu": interval(ratios(rounds, arm, to, "cpu_us_per_record")),
            }
            for arm, to in (*((arm, "none") for arm in ARMS[1:]), *((a, ARMS[1]) for a in OURS))
        },
        "loads": [r.load for r in rounds],
    }


def of(one: Round, arm: str, figure: str) -> float:
    return statistics.fmean(getattr(turn, figure) for turn in one.turns if turn.arm == arm)


def figures(rounds: Sequence[Round], arm: str) -> Mapping[str, float]:
    found = {
        figure: round(statistics.median(of(one, arm, figure) for one in rounds), 4)
        for figure in (
            "records_per_s",
            "cpu_us_per_record",
            "start_s",
            "reporter_cpu_ms_per_s",
        )
    }
    heap_mb = statistics.median(one.heap_mb[arm] for one in rounds)
    return {**found, "heap_alive_mb": round(heap_mb, 1)}


def ratios(rounds: Sequence[Round], arm: str, to: str, figure: str) -> list[float]:
    return [of(one, arm, figure) / of(one, to, figure) for one in rounds]


def interval(found: Sequence[float]) -> dict[str, float]:
    """The geometric mean of paired ratios, and where it is with 95 %."""
    logs = [math.log(ratio) for ratio in found]
    mean = statistics.fmean(logs)
    margin = 0.0
    if len(logs) > 1:
        margin = t_95(len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    low, high = math.exp(mean - margin), math.exp(mean + margin)
    return {"mean": round(math.exp(mean), 4), "low": round(low, 4), "high": round(high, 4)}


def t_95(freedom: int) -> float:
    """Student's t for 95 % on both sides, by the first terms of its series (Hill 1970)."""
    z = statistics.NormalDist().inv_cdf(0.975)
    first = (z**3 + z) / (4 * freedom)
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    return z + first + second + third


if __name__ == "__main__":
    main()
