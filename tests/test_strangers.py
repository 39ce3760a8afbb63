"""What applications of YARN send before they have been found there."""

from drsquirrel.deep import WAITS_MS
from drsquirrel.desk import Desk
from drsquirrel.model.event import MetricReport, Values, tables
from drsquirrel.model.snapshot import MINUTE_MS, Subject
from drsquirrel.rules.load import load
from drsquirrel.strangers import FORGOTTEN_MS, NAMES_MAX, WAITING_BYTES, Strangers
from tests.watch.made import NOON_MS, origin

APPLICATION = "application_1_0001"


def report(
    sequence: int, cluster: str = APPLICATION, padding: int = 0, number: int = 1
) -> MetricReport:
    values = {"Status.JVM.CPU.Time": number, "x" * padding: 0}
    of = origin(sequence, cluster=cluster)
    return MetricReport(origin=of, time_ms=NOON_MS, tables=tables([Values(values)]))


def seen(strangers: Strangers) -> list[int]:
    """The sequence numbers that the desk has heard."""
    subject = Subject(cluster=APPLICATION, container="tm-1")
    rollup = strangers._desk._hours.of(subject).get(NOON_MS // MINUTE_MS)
    return [] if rollup is None else [n for s in rollup.seen for n in range(s.first, s.last + 1)]


def hear(strangers: Strangers, *sequences: int, now_ms: int = NOON_MS) -> None:
    strangers.hear(APPLICATION, [(NOON_MS, report(n)) for n in sequences], now_ms)


def found(strangers: Strangers) -> None:
    strangers._desk.add_cluster(APPLICATION, 10_000, dumps_allowed=False)


def test_what_comes_before_it_is_found_is_heard_once_it_is() -> None:
    strangers = Strangers(Desk(load()))
    hear(strangers, 1, 2**62)
    strangers.hear(APPLICATION, [(NOON_MS, report(2, number=2**70))], NOON_MS)
    strangers.hear("application_1_0002", [(NOON_MS, report(1, "application_1_0002"))], NOON_MS + 1)
    assert strangers.names() == {APPLICATION, "application_1_0002"}
    assert strangers.waiting() == {APPLICATION: NOON_MS, "application_1_0002": NOON_MS + 1}
    found(strangers)
    hear(strangers, 3)
    assert seen(strangers) == [1, 2, 3, 2**62]
    assert strangers.names() == {"application_1_0002"}


def test_what_nobody_finds_is_dropped_after_a_while_and_counted() -> None:
    strangers = Strangers(Desk(load()))
    hear(strangers, 1)
    hear(strangers, 2, now_ms=NOON_MS + WAITS_MS + 1)
    assert strangers.dropped == {"unknown application": 2}
    assert strangers.waiting() == {} and strangers.names() == frozenset(), "it is not found soon"
    found(strangers)
    hear(strangers, 3, now_ms=NOON_MS + WAITS_MS + 1)
    assert seen(strangers) == [3]


def test_what_waits_at_first_stops_the_reading_before_it_is_dropped() -> None:
    strangers = Strangers(Desk(load()))
    large = [(NOON_MS, report(n, padding=1 << 20)) for n in range(5)]
    strangers.hear(APPLICATION, large, NOON_MS)
    assert strangers.is_full() and not strangers.dropped
    found(strangers)
    hear(strangers)
    assert not strangers.is_full() and seen(strangers) == [0, 1, 2, 3, 4]
    strangers._desk.clusters.clear()
    strangers.hear(APPLICATION, large, NOON_MS + WAITS_MS + 1)
    assert strangers.names() and not strangers.is_full(), "others are read on"


def test_what_breaks_the_desk_is_lost_alone() -> None:
    strangers = Strangers(Desk(load()))
    hear(strangers, 1)
    strangers.hear(APPLICATION, [(NOON_MS, "no message")], NOON_MS)
    hear(strangers, 2)
    found(strangers)
    hear(strangers, 3)
    assert seen(strangers) == [1, 2, 3]
    assert strangers.dropped["it broke what takes it"] == 1


def test_of_ever_new_names_only_so_many_are_kept() -> None:
    strangers = Strangers(Desk(load()))
    for n in range(NAMES_MAX + 1):
        strangers.hear(f"application_2_{n:05}", [], NOON_MS)
    strangers.hear("application_3_0001", [(NOON_MS, report(1))], NOON_MS)
    assert strangers.dropped == {"unknown application": 1}
    strangers.hear("application_3_0001", [(NOON_MS, report(1))], NOON_MS + FORGOTTEN_MS + 1)
    assert strangers.names() == {"application_3_0001"}


def test_no_more_waits_than_there_is_room_for() -> None:
    strangers = Strangers(Desk(load()))
    large = [(NOON_MS, report(n, padding=1 << 20)) for n in range(40)]
    strangers.hear(APPLICATION, large, NOON_MS)
    assert strangers.dropped["unknown application"] == 40 - (WAITING_BYTES >> 20) + 1
    found(strangers)
    hear(strangers)
    strangers._desk.clusters.clear()
    before = strangers.dropped["unknown application"]
    strangers.hear(APPLICATION, large[:5], NOON_MS)
    assert strangers.dropped["unknown application"] == before, "there is room again"


def test_what_is_said_of_kafka_is_said_to_the_desk() -> None:
    strangers = Strangers(Desk(load()))
    strangers.kafka_says = "No broker answers."
    assert strangers._desk.kafka_says == strangers.kafka_says == "No broker answers."
    assert not strangers.is_full()
