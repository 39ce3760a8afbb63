"""Every line that the publisher is given is in Kafka, or is counted as lost for a reason (R3)."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.proxy import Mode
from tests.plugin.harness import Sick, sick_broker
from tests.plugin.oracle import KINDS, REFUSED_AT_THE_DOOR, Account, Faults, Oracle, now_ms

pytestmark = pytest.mark.xdist_group("oracle")
PER_SECOND = 3_000
SHORT_S = 12
LONG_S = 90
SMALL_QUEUE = "queue-messages=1000"
IMPATIENT = (
    "kafka.linger.ms=5",
    "kafka.request.timeout.ms=1000",
    "kafka.delivery.timeout.ms=2000",
    "kafka.reconnect.backoff.max.ms=400",
)
"""So that an outage of seconds shows what usually takes one of half a minute."""
USUAL = ()
KILLED_AFTER_S = 2
LINGERS_MS = 1_000
"""The most that a killed process had not yet sent, on a busy machine."""
FLOOD_S = 6
FLOOD_PER_SECOND = 20_000
LITTLE_MEMORY = ("-Xmx64m", "-XX:+ExitOnOutOfMemoryError")
"""For a queue of 16 MiB, what Kafka's client holds, and messages of 4 MB that are too large."""
BEGINS_S = 30.0
CLOSES_S = 1.5
SLACK_MS = 1_000


@pytest.fixture(scope="module")
def sick(jar: Path) -> Iterator[Sick]:
    with sick_broker() as sick:
        yield sick


def account(oracle: Oracle) -> Account:
    """Once all is quiet."""
    counts = oracle.ask("settle")
    assert counts.queued == 0, oracle.java.told()
    counts = oracle.ask("close")
    return Account(oracle.journal(), oracle.stored(), counts)


def wait_for_the_first(oracle: Oracle) -> None:
    """Until Kafka has confirmed a message."""
    deadline = time.monotonic() + BEGINS_S
    while not any(entry.acknowledged for entry in oracle.journal().values()):
        assert time.monotonic() < deadline, oracle.java.told()
        time.sleep(0.05)


def test_every_line_is_stored_or_counted_under_random_faults(
    jar: Path, sick: Sick, tmp_path: Path
) -> None:
    sick.make_topics("short-")
    messages = PER_SECOND * SHORT_S
    options = (SMALL_QUEUE, *IMPATIENT)
    with Oracle(jar, tmp_path, sick, "short-", messages, PER_SECOND, *options) as oracle:
        with Faults(sick, seed=20261129, longest_s=1.5) as faults:
            assert oracle.java.line(SHORT_S * 5) == "emitted"
        found = account(oracle)
    print(found.summary(faults.windows))
    found.check()
    assert found.counts.dropped["queue_full"] > 0, "the faults did no harm"
    assert found.counts.dropped["too_large"] > 0
    info, warn, error, metrics, event = map(found.lost_share, KINDS)
    assert info > warn >= error >= max(metrics, event), "what is worth more should have stayed"


@pytest.mark.alone
def test_without_a_fault_nothing_is_lost_or_repeated_and_a_kill_loses_the_last_moment(
    jar: Path, sick: Sick, tmp_path: Path
) -> None:
    sick.make_topics("killed-")
    with Oracle(jar, tmp_path, sick, "killed-", PER_SECOND * 60, PER_SECOND) as oracle:
        wait_for_the_first(oracle)
        time.sleep(KILLED_AFTER_S)
        oracle.java.process.kill()
        oracle.java.process.wait()
        killed_ms = now_ms()
        journal, stored = oracle.journal(), oracle.stored()
    assert len(journal) > PER_SECOND
    assert stored.keys() <= journal.keys()
    assert all(len(times) == 1 for times in stored.values())
    entries = [journal[id_] for id_ in journal.keys() - stored.keys()]
    lost = [entry for entry in entries if entry.fate != REFUSED_AT_THE_DOOR]
    oldest_ms = max((killed_ms - entry.offered_ms for entry in lost), default=0)
    print(f"a kill lost {sum(e.lines for e in lost)} lines of the last {oldest_ms} ms")
    assert oldest_ms < LINGERS_MS
    assert all(entry.acknowledged == 0 for entry in entries)


def test_closing_while_kafka_is_away_counts_what_was_left(
    jar: Path, sick: Sick, tmp_path: Path
) -> None:
    sick.make_topics("closed-")
    with Oracle(jar, tmp_path, sick, "closed-", 3 * PER_SECOND, PER_SECOND) as oracle:
        wait_for_the_first(oracle)
        sick.proxy.set(Mode.BLACK_HOLE)
        assert oracle.java.line(60) == "emitted"
        began = time.monotonic()
        counts = oracle.ask("close")
        took_s = time.monotonic() - began
        while counts.offered > counts.sent + counts.lost and time.monotonic() < began + 10:
            counts = oracle.ask("close")
        sick.proxy.set(Mode.PASS)
        found = Account(oracle.journal(), oracle.stored(), counts)
    print(f"closing took {took_s:.2f} s", found.summary())
    found.check()
    assert counts.sent > 0
    assert counts.dropped["closed"] > 0
    assert took_s < CLOSES_S


def test_a_flood_before_a_black_hole_stays_within_its_memory(
    jar: Path, sick: Sick, tmp_path: Path
) -> None:
    sick.make_topics("flood-")
    messages = FLOOD_PER_SECOND * FLOOD_S
    with Oracle(
        jar, tmp_path, sick, "flood-", messages, FLOOD_PER_SECOND, jvm_args=LITTLE_MEMORY
    ) as oracle:
        wait_for_the_first(oracle)
        sick.proxy.set(Mode.BLACK_HOLE)
        assert oracle.java.line(FLOOD_S * 6) == "emitted"
        sick.proxy.set(Mode.PASS)
        found = account(oracle)
    print(found.summary())
    found.check()
    assert found.counts.dropped["queue_full"] > messages // 2


@pytest.mark.alone
@pytest.mark.timeout(600)
@pytest.mark.parametrize("patience", [IMPATIENT, USUAL], ids=["impatient", "usual"])
@pytest.mark.parametrize("seed", range(1, 5))
def test_every_line_is_stored_or_counted_under_many_faults(
    jar: Path, sick: Sick, tmp_path: Path, seed: int, patience: tuple[str, ...]
) -> None:
    prefix = f"long-{seed}-{len(patience)}-"
    sick.make_topics(prefix)
    messages = PER_SECOND * LONG_S
    with Oracle(
        jar, tmp_path, sick, prefix, messages, PER_SECOND, SMALL_QUEUE, *patience
    ) as oracle:
        with Faults(sick, seed, longest_s=4 if patience else 15, kills=True) as faults:
            assert oracle.java.line(LONG_S * 5) == "emitted"
        found = account(oracle)
    print(found.summary(faults.windows))
    found.check()
    if patience is USUAL:
        found.check_repeats(faults.windows, SLACK_MS)
