"""The slow sink of the mock: a report that says everything a report can say."""

from drsquirrel.model.report import (
    Action,
    Advice,
    Answer,
    Benign,
    Culprit,
    Evidence,
    EvidenceRow,
    Incident,
    JobRef,
    LastHour,
    Node,
    Onset,
    Report,
    Symptom,
    quoted,
)
from drsquirrel.model.verdict import Confidence, Outcome, Stand, Verdict
from tests.show.page.building import FRESH, FROM_MS, MADE_MS, at, cells, check, passed, run, strip

RISING = (0.2,) * 38 + tuple(0.2 + 0.16 * i for i in range(22))
BUSY = (0.41,) * 37 + (0.9,) + (0.98,) * 22
CULPRIT = Culprit(vertex="Sink: warehouse", vertex_id="v4", parallelism=8)
CAUSE = Answer(
    code="sink-slow",
    question="why does this vertex limit the job?",
    title=f"The sink {quoted('Sink: warehouse')} answers too slowly",
    confidence=Confidence.LIKELY,
    culprit=CULPRIT,
    onset=Onset(earliest_ms=at(13, 40), latest_ms=at(13, 41)),
    evidence=(
        Evidence(
            stand=Stand.FOR,
            group="busy",
            text="busy while everything upstream waits for it",
            value="98 % since 13:41 UTC",
        ),
        Evidence(
            stand=Stand.FOR,
            group="cpu",
            text="its container computes little",
            value="0.3 of 4 cores",
        ),
        Evidence(stand=Stand.FOR, group="skew", text="all subtasks alike", value="max/mean 1.04"),
        Evidence(
            stand=Stand.RULED_OUT,
            group="records",
            text="hot key: records are spread evenly",
            value="1.1× mean",
        ),
        Evidence(
            stand=Stand.RULED_OUT,
            group="gc",
            text="garbage collection",
            value="0.4 % of the time",
        ),
        Evidence(
            stand=Stand.AGAINST,
            group="cost",
            text="the cost of a record rose before, too, without this effect",
            value="1.2 ms at 09:10 UTC",
        ),
        Evidence(
            stand=Stand.UNDECIDED,
            group="host",
            text="a noisy neighbour on `node-17`: the node agent would tell",
        ),
    ),
    advice=(
        Advice(
            title="Write in larger batches",
            key="sink.buffer-flush.max-rows",
            now="100",
            to="2000",
            because="One call takes 3.1 ms whatever its size; 100 rows a call cap the sink at"
            " 32,000 rows/s, the sources bring 41,000.",
            expect="busy below 70 % within two minutes",
        ),
        Advice(
            title="Ask the database's owner why calls take 3.1 ms since 13:41 UTC",
            kind="measure",
            because="They took 1.2 ms before, and slowed on every subtask at once.",
        ),
        Advice(
            title="Nothing is lost meanwhile: checkpoints take 41 s of 600 s",
            kind="wait",
        ),
    ),
    will_not_help=(
        "more parallelism upstream",
        "more memory",
        "a longer checkpoint time-out",
    ),
    leads_to=("backpressure-high", "source-lag-growing", "checkpoint-slow"),
)
OTHER = Answer(
    code="hot-key",
    question="why does this vertex limit the job?",
    title=f"A few keys carry most records into {quoted('Sink: warehouse')}",
    confidence=Confidence.CANNOT_TELL,
    culprit=CULPRIT,
    onset=None,
    evidence=(
        Evidence(stand=Stand.AGAINST, group="records", text="records even", value="1.1× mean"),
    ),
    advice=(),
)
CHECKS = [
    check(
        "source-lag-growing",
        Outcome.FAIL,
        value=3.7,
        shown="3.7 min",
        threshold="fails from 3 min behind",
        says="902,000 records, 3.7 min behind, rising for 22 min",
        evidence=(
            EvidenceRow(name="Source: orders", value="902,000 records", note="+41,000 a minute"),
            EvidenceRow(name="retention", value="reached in 9 h", note="at this rate"),
        ),
        minutes=RISING,
        warn_at=1,
        fail_at=3,
        observed_minutes=60,
        why="Results come later and later; past the source's retention records are lost.",
        fix="Find the operator that limits the job: the verdict above names it.",
        ignore_when="The job catches up after a planned stop and the lag falls.",
    ),
    check(
        "operator-saturated",
        Outcome.FAIL,
        value=22,
        shown="22 min",
        threshold="fails from 15 min over 80 %",
        says="`Sink: warehouse` was busy 98 % on all 8 subtasks",
        minutes=BUSY,
        warn_at=0.8,
        observed_minutes=60,
        why="An operator without idle time sets the pace of the whole job.",
        fix="Give it less to do per record, or more subtasks if its work can be split.",
    ),
    check(
        "backpressure-high",
        Outcome.FAIL,
        value=35,
        shown="35 %",
        threshold="warns from 10 %, fails from 30 % of the hour",
        says="`price-lookup`, `enrich` and `Source: orders` waited for `Sink: warehouse`",
        minutes=(0.0,) * 38 + (0.4,) + (0.8,) * 21,
        warn_at=0.1,
        fail_at=0.3,
        observed_minutes=60,
        why="Upstream operators stand still while they wait.",
        fix="Follow the pressure downstream to the first operator that does not wait.",
    ),
    check(
        "checkpoint-slow",
        Outcome.WARN,
        value=7,
        shown="41 s",
        threshold="warns when the duration doubles twice in an hour",
        says="41 s of a time-out of 600 s; doubled twice since 13:45 UTC",
        minutes=(9.0,) * 46 + tuple(9 + 2.4 * i for i in range(13)) + (None,),
        observed_minutes=59,
        why="A checkpoint that times out is work lost at the next failure.",
        fix="Remove the backpressure; barriers wait behind records.",
    ),
    check(
        "heap-full-after-gc",
        Outcome.ERROR,
        says="The check itself failed: `ZeroDivisionError`. Please report it.",
    ),
    check(
        "gc-old-gen-high",
        Outcome.NO_DATA,
        says="2 of 60 minutes seen: collection counts came only from `tm-2`."
        " It will be assessed after 10 minutes of data.",
        observed_minutes=2,
    ),
    *passed(
        "job-not-running",
        "restart-rate-high",
        "restart-loop",
        "checkpoint-failing",
        "record-skew-high",
    ),
    check(
        "checkpoint-missing",
        Outcome.NOT_APPLICABLE,
        says="Checkpoints complete; see checkpoint-slow.",
    ),
]
HOUR = LastHour(
    from_ms=FROM_MS,
    records_per_s=(41_000.0,) * 38 + (36_000.0,) + (32_000.0,) * 21,
    strips=(
        strip(
            "backpressure",
            "Source: orders",
            cells((".", 41), ("l", 2), ("h", 17)),
            "17 of 60 min high",
            worst_minute=50,
        ),
        strip(
            "backpressure",
            "enrich",
            cells((".", 39), ("l", 3), ("h", 18)),
            "18 of 60 min high",
            worst_minute=52,
        ),
        strip(
            "backpressure",
            "price-lookup",
            cells((".", 38), ("l", 1), ("h", 21)),
            "21 of 60 min high",
            first=True,
            worst_minute=51,
        ),
        strip(
            "backpressure",
            "Sink: warehouse",
            cells(),
            "busy over 80 % since 13:41 UTC",
            culprit=True,
        ),
        strip("gc", "tm-1 · node-17", cells((".", 12), ("l", 1)), "0 of 60 min high"),
        strip("gc", "tm-2 · node-03", cells(), "0 of 60 min high"),
        strip(
            "checkpoints",
            "checkpoints",
            cells((".", 46), ("l", 14)),
            "9 s → 41 s, none failed",
        ),
        strip("restarts", "restarts", cells(("_", 4)), "none; 4 min not seen"),
    ),
    sentence="`Sink: warehouse` turned busy at 13:41 UTC, one minute before the first"
    " backpressure (`price-lookup`). Garbage collection stayed quiet: it is not the cause.",
)


def _node(id: str, name: str, inputs: str, busy: float, wait: float, **more: object) -> Node:
    return Node(
        id=id,
        name=name,
        operators=(name,),
        inputs=(inputs,) if inputs else (),
        parallelism=8,
        busy=busy,
        backpressured=wait,
        records_per_s=32_000,
        **more,
    )


INCIDENTS = [
    Incident(
        began_ms=at(13, 12),
        ended_ms=at(13, 13),
        cause=None,
        title="A TaskManager was lost and replaced",
        culprit=Culprit(container="tm-3", host="node-09"),
        failures=2,
        note="Reason not visible from here: YARN or Kubernetes would tell.",
    )
]

SYMPTOMS = [
    Symptom(
        code="backpressure",
        text="`Source: orders`, `enrich` and `price-lookup` wait",
        onset=Onset(earliest_ms=at(13, 42), latest_ms=at(13, 42)),
        explained_by=("sink-slow",),
    ),
    Symptom(
        code="clock-skew",
        text="The clock of `node-03` is 48 s ahead",
        onset=None,
        culprit=Culprit(host="node-03"),
    ),
]

BENIGN = [
    Benign(code="burst", text="A burst at 13:20 UTC drained within two minutes."),
]

GRAPH = [
    _node("v1", "Source: orders", "", 0.06, 0.91),
    _node("v2", "enrich", "v1", 0.14, 0.82),
    _node("v3", "price-lookup", "v2", 0.17, 0.79),
    _node(
        "v4",
        "Sink: warehouse",
        "v3",
        0.98,
        0.0,
        saturated=8,
        culprit=True,
        says="all 8 subtasks at their limit",
    ),
]

ACTIONS = [
    Action(
        time_ms=at(13, 47),
        what="thread dump",
        container="tm-1",
        took_ms=180,
        result="8 of 8 task threads wait in `com.acme.Warehouse.write`",
    )
]

FACTS = [
    ("where", "`Sink: warehouse`, all 8 subtasks"),
    ("run", "`3f2a9101`, up 2 d, 1 restart in the last hour"),
    ("checkpoints", "every 10 s, time-out 10 min"),
    ("Flink", "2.3.0, RocksDB"),
]


def slow_sink() -> Report:
    """The slow sink of the mock, with everything a report can say."""
    return Report(
        made_ms=MADE_MS,
        job=JobRef(id="orders-enrichment", cluster="prod-eu", name="orders-enrichment"),
        run=run(1),
        verdict=Verdict.FAILING,
        headline=f"The sink {quoted('Sink: warehouse')} answers too slowly;"
        " everything upstream waits for it",
        subline="Likely. Began between 13:40 and 13:41 UTC. Lag grows by 41,000 records a minute:"
        " at this rate the source's retention is reached in 9 h.",
        since_ms=at(13, 41),
        causes=[CAUSE, OTHER],
        incidents=INCIDENTS,
        symptoms=SYMPTOMS,
        benign=BENIGN,
        checks=CHECKS,
        hour=HOUR,
        graph=GRAPH,
        data=FRESH,
        actions=ACTIONS,
        facts=FACTS,
    )
