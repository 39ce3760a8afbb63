"""A real Flink with the plugin does not care about a Kafka that is sick (R1)."""

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.proxy import Mode
from tests.plugin.harness import Sick, sick_broker
from tests.plugin.waiting import wait_for
from tests.plugin.watched_flink import (
    BACK,
    IMPATIENT,
    LOST,
    REPORTER,
    WITHOUT,
    WatchedFlink,
    watched_flink,
)

pytestmark = pytest.mark.flink
SOON_S = 30.0
USUALLY_S = 90.0
"""For what is patient for half a minute."""
CANCELS_S = 5.0
LONGER_TO_END_S = 1.5
ROUNDS = 5
MEDIAN_LONGER_TO_START_S = 1.0
TASKMANAGER = "taskmanager-0"
UNRESOLVABLE = {f"{REPORTER}.kafka.bootstrap.servers": "no-such-host.invalid:9092"}


@pytest.fixture(scope="module")
def flink(jar: Path) -> Iterator[WatchedFlink]:
    with sick_broker() as sick:
        sick.make_topics(partitions=1)
        with watched_flink(sick, jar, IMPATIENT) as flink:
            yield flink


@pytest.fixture(scope="module")
def job(flink: WatchedFlink) -> str:
    return flink.start()


@pytest.fixture(scope="module")
def patient(jar: Path) -> Iterator[WatchedFlink]:
    """With Kafka's options as they usually are."""
    with sick_broker() as sick:
        sick.make_topics(partitions=1)
        with watched_flink(sick, jar, {}) as flink:
            yield flink


@pytest.fixture(scope="module")
def job_of_patient(patient: WatchedFlink) -> str:
    return patient.start()


def set_to(mode: Mode) -> Callable[[Sick], None]:
    return lambda sick: sick.proxy.set(mode)


def crawl(sick: Sick) -> None:
    sick.proxy.bytes_per_s = 20
    sick.proxy.set(Mode.SLOW)


FAULTS: dict[str, tuple[Callable[[Sick], None], Callable[[Sick], None]]] = {
    "refused": (set_to(Mode.REFUSE), set_to(Mode.PASS)),
    "black hole": (set_to(Mode.BLACK_HOLE), set_to(Mode.PASS)),
    "slow": (crawl, set_to(Mode.PASS)),
    "killed": (lambda sick: sick.broker.kill(), lambda sick: sick.broker.start()),
}


def said_over(flink: WatchedFlink, job: str, fault: str, within_s: float) -> list[str]:
    """What Flink's log says of us, while the job runs on through the fault and messages come again
    after it."""
    before = flink.messages()
    wait_for(lambda: flink.messages() > before, "messages before the fault", within_s)
    said = flink.says(TASKMANAGER)
    begin, end = FAULTS[fault]
    begin(flink.sick)
    took_s = wait_for(
        lambda: len(flink.says(TASKMANAGER)) > len(said), "the line on the loss", within_s
    )
    flink.runs_on(job, within_s)
    end(flink.sick)
    back_s = wait_for(
        lambda: len(flink.says(TASKMANAGER)) > len(said) + 1, "the line on its end", within_s
    )
    print(f"{fault}: noticed after {took_s:.1f} s, its end after {back_s:.1f} s")
    after = flink.messages()
    wait_for(lambda: flink.messages() > after, "messages after the fault", within_s)
    return flink.says(TASKMANAGER)[len(said) :]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_job_runs_on_and_messages_come_again_after_one_line_each(
    flink: WatchedFlink, job: str, fault: str
) -> None:
    lost, back = said_over(flink, job, fault, SOON_S)
    assert lost.startswith(LOST) and back.startswith(BACK)


def longer_to_start(without_s: float) -> float:
    """By which two processes of the same kind differ on a busy machine."""
    return 2 + 0.35 * without_s


@pytest.mark.alone
def test_nothing_is_slower_before_a_black_hole(flink: WatchedFlink, job: str) -> None:
    usual_s = timed(flink.start)
    flink.sick.proxy.set(Mode.BLACK_HOLE)
    job_s = timed(flink.start)
    cluster = flink.cluster
    configs = {"without": WITHOUT, "black hole": {"rest.port": "0"}, "unresolvable": UNRESOLVABLE}
    indices = {name: cluster.start_taskmanager(config) for name, config in configs.items()}
    starts = {name: flink.seconds_to_register(index) for name, index in indices.items()}
    cancel_s = seconds_to_cancel(flink, job)
    for name in ("black hole", "unresolvable"):
        process = f"taskmanager-{indices[name]}"
        wait_for(lambda log=process: bool(flink.says(log, LOST)), "the line on the loss", SOON_S)
    ends = dict(zip(indices, flink.seconds_to_end(*indices.values()), strict=True))
    print({"starts": starts, "job": (usual_s, job_s), "cancel": cancel_s, "ends": ends})
    for name in ("black hole", "unresolvable"):
        assert starts[name] <= starts["without"] + longer_to_start(starts["without"])
        assert ends[name] <= ends["without"] + LONGER_TO_END_S
    assert not flink.says(f"taskmanager-{indices['without']}")
    assert job_s <= usual_s + longer_to_start(usual_s)
    assert cancel_s <= CANCELS_S


def timed(call: Callable[[], object]) -> float:
    """How many seconds a call takes."""
    began = time.monotonic()
    call()
    return time.monotonic() - began


def seconds_to_cancel(flink: WatchedFlink, job: str) -> float:
    flink.cluster.rest.patch(f"/jobs/{job}?mode=cancel")
    return wait_for(
        lambda: bool(flink.cluster.job(job)["state"] == "CANCELED"), "the end of the job", 60
    )


@pytest.mark.alone
@pytest.mark.parametrize("fault", FAULTS)
def test_an_outage_of_half_a_minute_is_outlived_too(
    patient: WatchedFlink, job_of_patient: str, fault: str
) -> None:
    lost, back = said_over(patient, job_of_patient, fault, USUALLY_S)
    assert lost.startswith(LOST) and back.startswith(BACK)


@pytest.mark.alone
@pytest.mark.timeout(1800)
def test_a_cluster_starts_runs_a_job_and_ends_as_fast_as_without_the_plugin(jar: Path) -> None:
    rounds: dict[str, list[tuple[float, ...]]] = {}
    with sick_broker() as sick:
        sick.make_topics(partitions=1)
        kinds = {
            "without": (Mode.PASS, {**WITHOUT}),
            "well": (Mode.PASS, {}),
            "refused": (Mode.REFUSE, {}),
            "black hole": (Mode.BLACK_HOLE, {}),
            "unresolvable": (Mode.PASS, UNRESOLVABLE),
        }
        for _ in range(ROUNDS):
            for name, (mode, config) in kinds.items():
                sick.proxy.set(mode)
                rounds.setdefault(name, []).append(life(sick, jar, config))
    medians = {
        name: [round(statistics.median(times), 2) for times in zip(*lives, strict=True)]
        for name, lives in rounds.items()
    }
    print(medians)
    for name in kinds:
        for with_s, without_s, longer_s in zip(
            medians[name],
            medians["without"],
            (MEDIAN_LONGER_TO_START_S, MEDIAN_LONGER_TO_START_S, CANCELS_S, LONGER_TO_END_S),
            strict=True,
        ):
            assert with_s <= without_s + longer_s, (name, medians)


def life(sick: Sick, jar: Path, config: dict[str, str]) -> tuple[float, float, float, float]:
    """Seconds until the cluster is there, a job runs, it is cancelled, all processes have ended."""
    began = time.monotonic()
    with watched_flink(sick, jar, config) as flink:
        cluster_s = time.monotonic() - began
        jobs: list[str] = []
        job_s = timed(lambda: jobs.append(flink.start()))
        cancel_s = seconds_to_cancel(flink, jobs[0])
        end_s = timed(flink.cluster.close)
    return cluster_s, job_s, cancel_s, end_s
