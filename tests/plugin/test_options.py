"""Options that are wrong: one clear line in Flink's log for each, and the job runs."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from demo import plugin
from demo.broker import Broker
from demo.cluster import Cluster
from demo.flink_home import VERSIONS
from demo.scenarios import submit
from tests.plugin.installation import REPORTER, Installation, by_us
from tests.plugin.jcmd import threads
from tests.plugin.story import HEALTHY, LOOP
from tests.plugin.waiting import wait_for, wait_for_records

pytestmark = [pytest.mark.flink, pytest.mark.alone]
IN_THE_JOBMANAGER, MISSING, WRONG, UNKNOWN_HOST, NO_OPTION, NO_JAR = (
    "jobmanager",
    *(f"taskmanager-{index}" for index in range(5)),
)
WRONG_OPTIONS = {
    f"{REPORTER}.topic.prefix": "nobody-made-",
    f"{REPORTER}.log-byts": "1024",
    f"{REPORTER}.queue-messages": "many",
    f"{REPORTER}.cpu-time-of-threads": "perhaps",
    f"{REPORTER}.kafka.lingr.ms": "5",
}
SAID = {
    IN_THE_JOBMANAGER: ["The option cluster is missing, so nothing is sent."],
    MISSING: ["The option cluster is missing, so nothing is sent."],
    WRONG: [
        "The option log-byts is not known and has no effect.",
        "The option queue-messages is no whole number from 100 to ",
        "The option cpu-time-of-threads is neither true nor false.",
        "Kafka's producer has no option lingr.ms.",
        *(
            f"Kafka has no topic for {topic} "
            for topic in ("flink-metrics", "flink-containers", "flink-configs", "flink-logs")
        ),
    ],
    UNKNOWN_HOST: ["Dr. Squirrel cannot reach Kafka: "],
    NO_OPTION: [],
    NO_JAR: [],
}
AT_WORK = {WRONG, UNKNOWN_HOST}
"""Those that try to send."""


@dataclass
class Seen:
    """What there was of us in each process after its job had run for a while and failed."""

    lines: dict[str, list[str]]
    threads: dict[str, list[str]]
    of_flink: list[str]
    """What Flink said where there is no jar."""


@pytest.fixture(scope="module", params=VERSIONS)
def seen(request: pytest.FixtureRequest, jar: Path) -> Iterator[Seen]:
    with Broker() as broker:
        options = plugin.options("shop", broker.address)
        options[f"{REPORTER}.interval"] = "1 SECONDS"
        del options[f"{REPORTER}.cluster"]
        with Cluster(
            request.param,
            taskmanagers=1,
            fast_start=True,
            plugins={"drsquirrel": jar},
            config=options,
        ) as cluster:
            installation = Installation(cluster)

            def start(changes: dict[str, str | None]) -> None:
                installation.change(changes)
                cluster.start_taskmanager()
                cluster.wait_registered()

            start({f"{REPORTER}.cluster": "shop", **WRONG_OPTIONS})
            right_again = dict.fromkeys(WRONG_OPTIONS)
            start({**right_again, f"{REPORTER}.kafka.bootstrap.servers": "nobody.invalid:9092"})
            installation.take_out_options()
            start({})
            installation.take_out_jar()
            start({**plugin.options("shop", broker.address)})
            yield look(installation)


def look(installation: Installation) -> Seen:
    cluster = installation.cluster
    lines: dict[str, list[str]] = {name: [] for name in SAID}
    processes = len(cluster.taskmanagers)
    healthy = submit(cluster, replace(HEALTHY, parallelism=processes))
    loop = submit(cluster, replace(LOOP, parallelism=processes))

    def all_is_said() -> bool:
        for name, news in installation.news().items():
            lines[name] += news
        return all(
            any(part in line for line in by_us(lines[name]))
            for name, parts in SAID.items()
            for part in parts
        )

    cluster.wait_running(healthy)
    wait_for(lambda: cluster.job(loop)["state"] == "RESTARTING", "a failure")
    wait_for(all_is_said, "every line")
    wait_for_records(cluster, healthy, 4_000)
    all_is_said()
    return Seen(
        lines={name: by_us(of_one) for name, of_one in lines.items()},
        threads={name: threads(pid) for name, pid in cluster.pids.items()},
        of_flink=[line for line in lines[NO_JAR] if " WARN " in line and plugin.PACKAGE in line],
    )


@pytest.mark.parametrize("process", SAID)
def test_what_is_wrong_is_said_in_one_line_each_and_the_job_runs(seen: Seen, process: str) -> None:
    lines = seen.lines[process]
    found = Counter(part for part in SAID[process] for line in lines if part in line)
    assert found == Counter(SAID[process]), lines
    assert len(lines) == len(SAID[process]), lines


def test_only_those_that_try_to_send_have_threads_of_ours(seen: Seen) -> None:
    assert {name for name, found in seen.threads.items() if found} == AT_WORK


def test_where_the_jar_is_missing_flink_names_what_it_did_not_find(seen: Seen) -> None:
    assert any("KafkaMetricReporterFactory" in line for line in seen.of_flink), seen.of_flink
