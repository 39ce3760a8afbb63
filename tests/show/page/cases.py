"""The other jobs the page is tested with: sick in other ways, healthy, silent, ended."""

from msgspec import structs

from drsquirrel.model.report import (
    Advice,
    Answer,
    Benign,
    CheckResult,
    Culprit,
    Data,
    Evidence,
    EvidenceRow,
    Incident,
    JobRef,
    LastHour,
    Node,
    Onset,
    Report,
    RunRef,
    Source,
    Symptom,
    quoted,
)
from drsquirrel.model.verdict import Confidence, Outcome, Stand, Verdict
from tests.show.page.building import (
    CALM_HOUR,
    CHECKS,
    FRESH,
    FROM_MS,
    MADE_MS,
    MINUTE_MS,
    RULES,
    at,
    cells,
    check,
    passed,
    run,
    strip,
)


def node(name: str, inputs: tuple[str, ...] = (), **more: object) -> Node:
    """A vertex that is its own id and keeps up."""
    numbers: dict[str, object] = {"busy": 0.2, "backpressured": 0.0, "records_per_s": 9_000.0}
    return Node(
        id=name, name=name, operators=(name,), inputs=inputs, parallelism=4, **(numbers | more)
    )


HOT_SUBTASK = Culprit(
    vertex="sum per country", vertex_id="sum", subtasks=(3,), parallelism=8, container="tm-2"
)

HOT_KEY = Answer(
    code="hot-key",
    question="why does this vertex limit the job?",
    title=f"One key carries most records into {quoted('sum per country')}",
    confidence=Confidence.POSSIBLE,
    culprit=HOT_SUBTASK,
    onset=Onset(earliest_ms=at(13, 20), latest_ms=at(13, 24)),
    evidence=(
        Evidence(
            stand=Stand.FOR,
            group="records",
            text="subtask 3 gets more records than its peers",
            value="7.2× mean",
        ),
        Evidence(
            stand=Stand.UNDECIDED,
            group="key",
            text="which key it is: a sample of the keys would tell",
        ),
    ),
    advice=(
        Advice(
            title="Count the keys of subtask 3 for a minute",
            kind="measure",
            because="A single key and a bad hash spread look alike from here.",
        ),
    ),
    rivals=("partition-skew",),
)


def hot_key() -> Report:
    """One subtask gets most records; the graph has two sources that join."""
    return Report(
        made_ms=MADE_MS,
        job=JobRef(id="clicks-by-country", cluster="prod-eu", name="clicks-by-country"),
        run=run(2),
        verdict=Verdict.WARNING,
        headline=f"Subtask 3 of {quoted('sum per country')} limits the job;"
        " a sample of its keys would tell why",
        subline="Possible. Began between 13:20 and 13:24 UTC.",
        since_ms=at(13, 24),
        causes=[HOT_KEY],
        checks=[
            check(
                "record-skew-high",
                Outcome.WARN,
                section="skew",
                value=7.2,
                shown="7.2× mean",
                threshold="warns from 3×, fails from 10×",
                says="subtask 3 of `sum per country` gets 7.2 times the mean",
                evidence=tuple(
                    EvidenceRow(name=f"subtask {i}", value=f"{1200 if i != 3 else 8600:,}/s")
                    for i in range(8)
                ),
                minutes=(1.1,) * 20 + (7.0,) * 40,
                warn_at=3,
                fail_at=10,
                observed_minutes=60,
                why="One subtask does the work of many while its peers wait.",
                fix="Aggregate in two steps: first per key and random suffix, then per key.",
            ),
            *passed("job-not-running", "checkpoint-failing", "gc-old-gen-high"),
        ],
        hour=LastHour(
            from_ms=FROM_MS,
            records_per_s=(18_000.0,) * 20 + (11_000.0,) * 40,
            strips=(
                strip("backpressure", "clicks", cells((".", 20), ("h", 40)), "40 of 60 min high"),
                strip("backpressure", "impressions", cells(), "0 of 60 min high"),
                strip(
                    "backpressure",
                    "join",
                    cells((".", 19), ("l", 41)),
                    "41 of 60 min some",
                    first=True,
                ),
                strip("backpressure", "sum per country", cells(), "busy", culprit=True),
            ),
            sentence="`sum per country` began to limit the job at 13:24 UTC.",
        ),
        graph=[
            node("clicks", backpressured=0.7),
            node("impressions"),
            node("join", ("clicks", "impressions"), backpressured=0.4),
            node("late records", ("join",)),
            node(
                "sum per country",
                ("join",),
                busy=0.97,
                saturated=1,
                culprit=True,
                says="subtask 3 of 8",
            ),
            node("Sink: board", ("sum per country",)),
        ],
        data=FRESH,
        facts=[("where", "`sum per country`, subtask 3 of 8"), ("Flink", "2.3.0")],
    )


LOOP_HOUR = LastHour(
    from_ms=FROM_MS,
    records_per_s=(7_000.0,) * 54 + (None, 900.0, None, 700.0, None, 0.0),
    strips=(
        strip("backpressure", "Source: clicks", cells((".", 54), ("_", 6)), "6 min not seen"),
        strip("checkpoints", "checkpoints", cells((".", 54), ("h", 6)), "none completed for 6 min"),
        strip("restarts", "restarts", cells((".", 54), ("h", 6)), "11 restarts", first=True),
    ),
    sentence="The first restart came at 13:57 UTC; no checkpoint completed since.",
)


THROWS = f"{quoted('com.acme.Parser.parse')} throws {quoted('NumberFormatException')}"

EXCEPTION = Answer(
    code="user-exception",
    question="who failed first?",
    title=THROWS,
    confidence=Confidence.CERTAIN,
    culprit=Culprit(vertex="parse", operator="Map: parse", subtasks=(0,), container="tm-1"),
    onset=Onset(earliest_ms=at(13, 57), latest_ms=at(13, 57)),
    evidence=(
        Evidence(
            stand=Stand.FOR,
            group="exception",
            text="the same exception at the same record in 11 restarts",
            value="`NumberFormatException`",
        ),
    ),
    advice=(
        Advice(
            title="Catch the exception in `Parser.parse` and send the record aside",
            because="The record is read again after each restart and fails again.",
        ),
    ),
    will_not_help=("more restarts", "a longer restart delay"),
)


def restart_loop() -> Report:
    """The job's own code throws on one bad record, again and again."""
    turns = [
        Incident(
            began_ms=at(13, 57) + turn * 30_000,
            ended_ms=at(13, 57) + turn * 30_000 + 6_000 if turn < 10 else None,
            cause="user-exception",
            title=THROWS,
            culprit=EXCEPTION.culprit,
        )
        for turn in range(11)
    ]
    return Report(
        made_ms=MADE_MS,
        job=JobRef(id="clicks-sessionize", cluster="prod-eu", name="clicks-sessionize"),
        run=run(3, state="RESTARTING"),
        verdict=Verdict.FAILING,
        headline=f"Restart loop: {THROWS} on one bad record",
        subline="Certain. Began at 13:57 UTC; 11 restarts, no checkpoint between.",
        since_ms=at(13, 57),
        causes=[EXCEPTION],
        incidents=turns,
        checks=[
            check(
                "restart-loop",
                Outcome.FAIL,
                section="running",
                value=11,
                shown="11",
                threshold="fails from 3 restarts without a checkpoint between",
                says="11 restarts in 6 min, none reached a checkpoint",
                minutes=(0.0,) * 54 + (2.0,) * 6,
                fail_at=1,
                observed_minutes=60,
                why="The job makes no progress.",
                fix="Remove the cause of the first failure.",
            ),
            *passed("record-skew-high"),
        ],
        hour=LOOP_HOUR,
        graph=[
            node("Source: clicks", busy=None, backpressured=None, records_per_s=None),
            node(
                "parse",
                ("Source: clicks",),
                busy=None,
                backpressured=None,
                records_per_s=None,
                culprit=True,
                says="fails in `Map: parse`, subtask 0",
            ),
        ],
        data=structs.replace(FRESH, logs=True),
        facts=[("where", "`parse`, subtask 0 on `tm-1`"), ("Flink", "2.3.0")],
    )


def healthy() -> Report:
    """A job that keeps up."""
    return Report(
        made_ms=MADE_MS,
        job=JobRef(id="prices-cdc", cluster="prod-eu", name="prices-cdc"),
        run=run(4),
        verdict=Verdict.HEALTHY,
        headline="The job is healthy: it keeps up with its sources",
        subline="12 checks passed on 60 of 60 minutes. No restart since it started.",
        since_ms=MADE_MS - 2 * 86_400_000,
        benign=[
            Benign(code="paced-source", text="`Source: prices` shows busy and only sleeps."),
        ],
        checks=[
            *passed(*CHECKS),
        ],
        hour=CALM_HOUR,
        graph=[node("Source: prices"), node("Sink: warehouse", ("Source: prices",))],
        data=FRESH,
        facts=[("checkpoints", "every 10 s, take 0.8 s"), ("Flink", "2.3.0")],
    )


def silent() -> Report:
    """The cluster has not answered for four minutes."""
    says = "No answer for 4 min: the cluster does not answer."
    return Report(
        made_ms=MADE_MS,
        job=JobRef(id="inventory-sync", cluster="stage", name="inventory-sync"),
        run=run(5),
        verdict=Verdict.UNKNOWN,
        headline="No data: the cluster `stage` does not answer",
        subline="Last answer at 13:59 UTC; then the job was healthy.",
        since_ms=at(13, 59),
        checks=[check(code, Outcome.NO_DATA, says=says) for code in CHECKS],
        hour=LastHour(
            from_ms=FROM_MS,
            strips=(
                strip("backpressure", "stock", cells((".", 56), ("_", 4)), "4 min not seen"),
                strip("restarts", "restarts", cells((".", 56), ("_", 4)), "4 min not seen"),
            ),
        ),
        graph=[node("stock", busy=None, backpressured=None, records_per_s=None)],
        data=Data(
            age_ms=4 * MINUTE_MS,
            observed_minutes=56,
            sources=(
                Source(
                    name="Flink REST `stage`",
                    state="stale",
                    age_ms=4 * MINUTE_MS,
                    says="Connection refused. Is the JobManager running?",
                ),
            ),
            gaps=("Nothing is known since 13:59 UTC.",),
        ),
    )


def ended() -> Report:
    """A bounded job that finished: neither good nor bad."""
    return Report(
        made_ms=MADE_MS,
        job=JobRef(id="nightly-export", cluster="prod-us", name="nightly-export"),
        run=run(6, state="FINISHED", end_ms=at(13, 20)),
        verdict=Verdict.ENDED,
        headline="The job finished at 13:20 UTC",
        subline="It ran for 2 d and read all of its input.",
        since_ms=at(13, 20),
        checks=[check(code, Outcome.NOT_APPLICABLE, says="The job has ended.") for code in CHECKS],
        hour=LastHour(from_ms=FROM_MS),
        data=Data(age_ms=6_000, observed_minutes=17),
    )


def nothing_known() -> Report:
    """Every field that can be null, empty or missing is."""
    return Report(
        made_ms=MADE_MS,
        job=JobRef(id="just-found", cluster="prod-us", name="just-found"),
        run=RunRef(id="run-7", job_id="0" * 32, start_ms=MADE_MS, state="CREATED"),
        verdict=Verdict.UNKNOWN,
        headline="Not enough data yet",
        checks=[
            CheckResult(code=code, section="", title=RULES[code][1], outcome=Outcome.NO_DATA)
            for code in CHECKS
        ],
        hour=LastHour(from_ms=FROM_MS),
        data=Data(age_ms=None, observed_minutes=0),
    )


def many_vertices(count: int = 200) -> Report:
    """A job of 200 vertices, one of them at its limit."""
    names = [f"operator {i:03d}" for i in range(count)]
    return Report(
        made_ms=MADE_MS,
        job=JobRef(id="the-big-one", cluster="prod-us", name="the-big-one"),
        run=run(8),
        verdict=Verdict.WARNING,
        headline="`operator 120` is near its limit",
        subline="Possible. Since 13:30 UTC.",
        since_ms=at(13, 30),
        symptoms=[
            Symptom(code="operator-saturated", text="`operator 120` is busy 91 %", onset=None)
        ],
        checks=passed("job-not-running", "checkpoint-failing"),
        hour=LastHour(
            from_ms=FROM_MS,
            strips=tuple(
                strip(
                    "backpressure",
                    name,
                    cells((".", 30), ("l", 2), ("h", 28)) if 100 < i < 120 else cells(),
                    "28 of 60 min high" if 100 < i < 120 else "0 of 60 min high",
                    culprit=i == 120,
                    first=i == 119,
                )
                for i, name in enumerate(names)
            ),
        ),
        graph=[
            node(
                name, (names[i - 1],) if i else (), culprit=i == 120, busy=0.91 if i == 120 else 0.1
            )
            for i, name in enumerate(names)
        ],
        data=FRESH,
    )
