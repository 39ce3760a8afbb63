"""The watcher's functions by themselves, with the interpreter that has PyFlink: what is put aside,
joined, told and when."""

import subprocess

import pytest

from demo import watcher
from tests.commands import ROOT
from tests.conftest import need_pyflink

MADE = """
import time
from types import SimpleNamespace

import pandas as pd
from msgspec.structs import replace
from pyflink.common import Row
from pyflink.datastream import TimeDomain

from drsquirrel.collect.redaction import Redaction
from drsquirrel.flink_functions import ZSTD, Counters, Take, Window, decode_sent, packed
from drsquirrel.model.event import (
    FailureEvent, MetricReport, Origin, Place, Values, encoder, tables
)
from drsquirrel.model.snapshot import MINUTE_MS, WINDOW_MS, decoder
from drsquirrel.watch.bundle import bundles, closes_ms, decode
from drsquirrel.watch.piece import Arrived

AT_MS, BUCKETS = 1_760_000_000_000, 4

def report(number, at_ms=AT_MS):
    origin = Origin(cluster="c", producer="plugin", epoch="e", sequence=number)
    of_task = tables([Values({"busy_ms": number}, Place("v", 0, attempt=0))])
    return MetricReport(origin=origin, time_ms=at_ms, job="j", tables=of_task)

class Listed:
    def __init__(self):
        self.held = []
    def get(self):
        return iter(self.held)
    def add(self, value):
        self.held.append(value)
    def update(self, values):
        self.held = [*values]

class Timers:
    watermark, now_ms = 0, AT_MS
    def __init__(self):
        self.event, self.processing = set(), set()
    def current_watermark(self):
        return self.watermark
    def current_processing_time(self):
        return self.now_ms
    def register_event_time_timer(self, at_ms):
        self.event.add(at_ms)
    def register_processing_time_timer(self, at_ms):
        self.processing.add(at_ms)

GROUP = SimpleNamespace(counter=lambda name: SimpleNamespace(inc=lambda n: None))
STATES = {}

def context():
    def listed(descriptor):
        return STATES.setdefault(descriptor.name, Listed())
    return SimpleNamespace(
        get_metrics_group=lambda: GROUP, get_metric_group=lambda: GROUP, get_list_state=listed
    )

TIMERS = Timers()
WINDOW = Window(BUCKETS)
WINDOW.open(context())

def row(number=None, at_ms=AT_MS, at_once=None):
    if number is None:
        return Row(at_ms, 1, None, at_once)
    [bundle] = bundles([Arrived(at_ms, at_ms, report(number, at_ms))], 1)[0].values()
    return Row(at_ms, 1, packed(bundle, Counters(GROUP)), at_once)

def element(value):
    return [*WINDOW.process_element(value, SimpleNamespace(timer_service=lambda: TIMERS))]

def timer(at_ms, domain):
    context = SimpleNamespace(timer_service=lambda: TIMERS, time_domain=lambda: domain)
    return [*WINDOW.on_timer(at_ms, context)]

def opened(buckets):
    global take
    take = Take({}, (), buckets)
    take.open(context())

def taken(values, at_ms=AT_MS):
    n = len(values)
    times = pd.Series(pd.to_datetime(range(at_ms, at_ms + n), unit="ms", utc=True))
    return take.eval(["t"] * n, [0] * n, [*range(n)], times, [None] * n, values)

def said(rows):
    return [row for row in rows.itertuples(index=False) if row.arrived_ms is not None]

def held():
    return {name: len(state.held) for name, state in STATES.items()}
"""
CASES = {
    "what came in a minute is joined once it is over, and told once its window closes": """
assert element(row(1)) == element(row(2)) == []
[closes] = TIMERS.event
[joins] = TIMERS.processing
assert closes == closes_ms(1, BUCKETS, AT_MS) and AT_MS < joins <= AT_MS + MINUTE_MS
assert timer(joins, TimeDomain.PROCESSING_TIME) == []
assert held() == {"bundles": 2, "minutes": 0}, "more may come of its minute"
element(row(3, AT_MS + MINUTE_MS))
assert timer(joins + MINUTE_MS, TimeDomain.PROCESSING_TIME) == []
assert held() == {"bundles": 1, "minutes": 1}
[piece] = decode(ZSTD.unpack(STATES["minutes"].held[0])).pieces
assert piece.snapshot.reports_seen == 2
assert timer(joins + 2 * MINUTE_MS, TimeDomain.PROCESSING_TIME) == []
assert held() == {"bundles": 1, "minutes": 1}
[told] = timer(closes, TimeDomain.EVENT_TIME)
ts_ms, id_, headers, payload = told
assert (ts_ms, id_, headers["kind"]) == (closes, "c", b"window")
assert decoder.decode(payload).reports_seen == 3
assert held() == {"bundles": 0, "minutes": 0}
assert timer(closes + WINDOW_MS, TimeDomain.EVENT_TIME) == []
assert timer(joins + 3 * MINUTE_MS, TimeDomain.PROCESSING_TIME) == [], "nothing to join"
""",
    "what comes after its window is told at once and kept nowhere": """
TIMERS.watermark = closes_ms(1, BUCKETS, AT_MS)
[(ts_ms, _, headers, payload)] = element(row(1))
assert (ts_ms, headers["kind"]) == (AT_MS, b"late")
assert held() == {"bundles": 0, "minutes": 0} and not TIMERS.event | TIMERS.processing
""",
    "whoever speaks to a bucket sets the timer for what lies in it": """
element(row(1))
TIMERS.event.clear()  # as a checkpoint may have it
TIMERS.watermark = AT_MS + WINDOW_MS
assert element(row()) == []
[closes] = TIMERS.event
assert len(timer(closes, TimeDomain.EVENT_TIME)) == 1
""",
    "a stamp of Kafka that is yet to come is not believed": """
now_ms = int(time.time() * 1_000)
hour_ms = 3_600_000
opened(1)
[row] = said(taken([encoder.encode(report(1, now_ms))], now_ms + hour_ms))
assert row.arrived_ms == now_ms + hour_ms, "windows go by Kafka's clock"
element(Row(*row))
[(_, _, _, payload)] = timer(max(TIMERS.event), TimeDomain.EVENT_TIME)
[rollup] = decoder.decode(payload).rollups
assert rollup.minute == now_ms // MINUTE_MS and not rollup.skewed
""",
    "what is named at any length is refused": """
opened(1)
for name in ("container", "cluster"):
    long = replace(report(1), origin=replace(report(1).origin, **{name: "x" * 2_400_000}))
    [row] = said(taken([encoder.encode(long)]))
    letter = decode_sent(row.at_once)
    assert (letter.id, letter.headers["reason"]) == (None, b"too long a name")
    assert row.bundle is None
""",
    "a task speaks to each bucket once": """
opened(8)
value = encoder.encode(report(1))
first, then = said(taken([value] * 6)), said(taken([value] * 6))
assert (len(first), len(then)) == (6, 3)
own, touches = first[0], first[1:] + then[1:]
assert own.bundle and own.arrived_ms == AT_MS + 5, "its window is that of its last message"
assert sorted([own.bucket] + [row.bucket for row in touches]) == [*range(8)]
assert {(row.arrived_ms, row.bundle) for row in touches} == {(AT_MS, None)}
assert len(said(taken([value] * 6))) == 1

both = said(taken([b"{}", encoder.encode(FailureEvent(
    origin=Origin(cluster="c", producer="plugin", epoch="e", sequence=9), time_ms=AT_MS,
    job="j", throwable="java.io.IOException: x",
)), value]))
assert [row.at_once is not None for row in both] == [True, True]
assert [row.bundle is not None for row in both] == [True, False]
assert [decode_sent(row.at_once).ts_ms - AT_MS for row in both] == [0, 1]
""",
}


@pytest.mark.parametrize("case", CASES)
def test_of_the_functions_of_the_watcher(case: str) -> None:
    need_pyflink()
    script = MADE + CASES[case]
    done = subprocess.run(
        [watcher.PYTHON, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
