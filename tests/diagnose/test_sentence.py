"""Sentences of a report: true, in good words, never with a number that is not there."""

import pytest

from drsquirrel.diagnose.answer import Given
from drsquirrel.diagnose.benign import benign_of
from drsquirrel.diagnose.conclusion import conclude
from drsquirrel.diagnose.fault import fault_of
from drsquirrel.diagnose.hour import MeasuredHour
from drsquirrel.diagnose.incident import incidents_of
from drsquirrel.diagnose.inquiry import Expected
from drsquirrel.diagnose.node import nodes_of
from drsquirrel.diagnose.standing import Conclusion, is_restarting, standing
from drsquirrel.diagnose.symptom import explained, symptoms_of
from drsquirrel.model.case import Bottleneck, Case, Episode, Lag, VertexNow
from drsquirrel.model.event import FailureEvent, Origin
from drsquirrel.model.report import Answer, Culprit, Onset, Symptom
from drsquirrel.model.unknown import Unknown
from drsquirrel.model.verdict import Confidence, Verdict
from drsquirrel.rules.cause import Question
from drsquirrel.rules.load import load
from tests.diagnose.made import subtask, vertex
from tests.diagnose.sim import Sim
from tests.diagnose.test_answer import a_case, container
from tests.diagnose.test_case import inquiry

NOTHING = Unknown("not measured")
NOW_MS = 50_000_000
HOUR = MeasuredHour(NOW_MS, NOW_MS // 60_000 - 59, (), (None,) * 60, {})
CODES = ("operator-saturated", "source-lag-growing")


def at(
    id_: str = "k", parallelism: int = 4, *, saturated: int = 0, source: bool = False
) -> VertexNow:
    inputs = () if source else ("s",)
    return VertexNow(
        vertex=vertex(id_, *inputs, parallelism=parallelism),
        subtasks=tuple(subtask(i, busy=0.99 if i < saturated else 0.2) for i in range(parallelism)),
        reads_from_outside=source,
        writes_outside=False,
        cost_rise=NOTHING,
        records_skew=NOTHING,
        cost_skew=NOTHING,
        send_errors_per_s=NOTHING,
    )


def limiting(parallelism: int, saturated: int) -> Bottleneck:
    of = at(parallelism=parallelism, saturated=saturated)
    return Bottleneck(
        at=of,
        subtasks=of.saturated,
        onset=None,
        inside_chain=False,
        cpu_cores=NOTHING,
        containers=(),
        threads=NOTHING,
        neighbours_cost_rise=NOTHING,
        slow_host=NOTHING,
    )


def texts(case: Case, *holding: str, rose: tuple[str, ...] = ()) -> list[str]:
    return [s.text for s in symptoms_of(case, frozenset(holding), frozenset(rose))]


@pytest.mark.parametrize(
    ("parallelism", "saturated", "work"),
    [
        (1, 1, "its only subtask works"),
        (4, 1, "1 of 4 subtasks works"),
        (4, 3, "3 of 4 subtasks work"),
        (4, 4, "all 4 subtasks work"),
    ],
)
def test_a_limiting_vertex_is_told_with_how_many_of_its_subtasks(
    parallelism: int, saturated: int, work: str
) -> None:
    case = a_case(bottlenecks=(limiting(parallelism, saturated),))
    assert texts(case) == [f"`k` limits the job: {work} without a pause"]


def lag(**values: object) -> Lag:
    told: dict[str, object] = {
        "vertex": "s",
        "operator": "o",
        "records": 1.0,
        "slope_per_s": 2.0,
        "rising": True,
        "falling": False,
        **values,
    }
    return Lag(**told)  # type: ignore[arg-type]


def test_a_lag_is_told_with_its_source_and_in_the_right_number() -> None:
    source = at("s", source=True)
    case = a_case(lags=(lag(),), vertices=(source,))
    assert texts(case, rose=("s",)) == ["`s` is 1 record behind, 120 more each minute"]
    nameless = a_case(lags=(lag(records=NOTHING, slope_per_s=1500.0),))
    assert texts(nameless, rose=("s",)) == ["The source falls behind by 1.5 s each second"]
    assert texts(case) == [], "it has only just begun to rise"
    assert texts(a_case(lags=(lag(rising=NOTHING),)), rose=("s",)) == []


def test_checkpoints_are_told_to_fail_since_one_completed_if_one_did() -> None:
    sim = Sim()
    sim.run(60)
    sim.checkpoint(1, "FAILED", failure="Checkpoint expired before completing.")
    assert [s.text for s in sim.run(10).symptoms] == ["1 checkpoint failed, and none completed"]
    sim.checkpoint(2)
    assert sim.run(10).symptoms == []
    for number in (3, 4):
        sim.checkpoint(number, "FAILED", failure="Checkpoint expired before completing.")
    assert [s.text for s in sim.run(10).symptoms] == ["2 checkpoints failed since one completed"]


def test_of_processes_only_those_that_hold_the_run_are_told() -> None:
    case = a_case(
        containers={
            "tm-1": container("tm-1", gc_share=0.3),
            "tm-2": container("tm-2", gc_share=0.3, gone_ms=1),
        }
    )
    assert texts(case, "tm-1", "tm-2") == ["`tm-1` spends 30 % of its time collecting garbage"]
    assert texts(case) == []


def answer(
    code: str = "slow-sink",
    vertex_id: str | None = "k",
    onset: Onset | None = None,
    confidence: Confidence = Confidence.LIKELY,
) -> Answer:
    return Answer(
        code=code,
        question=Question.WHY_DOES_THE_BOTTLENECK_LIMIT.value,
        title="The sink is slow",
        confidence=confidence,
        culprit=Culprit(vertex_id=vertex_id),
        onset=onset,
        evidence=(),
        advice=(),
        leads_to=CODES,
    )


def symptom(code: str, vertex_id: str | None = None) -> Symptom:
    return Symptom(code=code, text=code, onset=None, culprit=Culprit(vertex_id=vertex_id))


def test_an_answer_explains_symptoms_at_its_vertex_and_the_lag_upstream() -> None:
    def by(symptom: Symptom, of: Answer) -> bool:
        [found] = explained([symptom], [of])
        return found.explained_by == (of.code,)

    assert by(symptom("operator-saturated", "k"), answer())
    assert not by(symptom("operator-saturated", "m"), answer())
    assert by(symptom("operator-saturated", "m"), answer(vertex_id=None))
    assert by(symptom("source-lag-growing", "s"), answer())
    assert not by(symptom("job-not-running"), answer())


TOPICS = {code: cause.topic for code, cause in load().causes.items()}


def concluded(causes: list[Answer], symptoms: list[Symptom], **values: object) -> Conclusion:
    return conclude(
        a_case(**values),
        HOUR,
        None,
        Given(topics=TOPICS),
        causes,
        symptoms,
        [],
        [],
        [],
        batch=False,
        before=None,
    )


@pytest.mark.parametrize(
    ("earliest_ms", "latest_ms", "began"),
    [
        (NOW_MS, NOW_MS, "Began at 13:53 UTC."),
        (NOW_MS - 120_000, NOW_MS, "Began between 13:51 and 13:53 UTC."),
        (NOW_MS - 5 * 86_400_000, NOW_MS, "Began before 13:53 UTC."),
    ],
)
def test_when_it_began_is_told_as_far_as_it_is_known(
    earliest_ms: int, latest_ms: int, began: str
) -> None:
    onset = Onset(earliest_ms=earliest_ms, latest_ms=latest_ms)
    found = concluded([answer(onset=onset)], [])
    assert found.subline == f"Likely. {began}"
    assert concluded([answer()], []).subline == "Likely."


def test_an_unsure_answer_is_told_with_its_symptom() -> None:
    unsure = answer(confidence=Confidence.POSSIBLE)
    [saturated] = explained([symptom("operator-saturated", "k")], [unsure])
    found = concluded([unsure], [saturated])
    assert found.headline == "operator-saturated"
    assert found.subline == "Possible: a slow sink."


def test_an_answer_to_something_else_does_not_explain_the_symptom_in_the_headline() -> None:
    unsure = answer(confidence=Confidence.POSSIBLE)
    found = concluded([unsure], [symptom("gc-old-gen-high")])
    assert found.subline == "Unexplained: no known cause is about this."


def test_an_unsure_answer_without_a_symptom_is_no_alarm() -> None:
    found = concluded([answer(confidence=Confidence.POSSIBLE)], [], all_running=NOTHING)
    assert found.verdict is Verdict.UNKNOWN


def test_what_is_not_read_is_the_reason_why_it_is_not_known() -> None:
    assert concluded([], []).headline == "Not known yet: not measured"
    assert concluded([], [], all_running=NOTHING).headline == "Not known yet: not measured"


def test_a_run_that_finished_at_an_unknown_time_has_finished() -> None:
    known = inquiry()
    run = type(known.run)(id="r", job_id="j", start_ms=1, state="FINISHED")
    ended = type(known)(**{**vars(known), "run": run})
    found = standing(ended, NOW_MS)
    assert found == Conclusion(verdict=Verdict.ENDED, headline="Finished")
    lost = type(known)(
        **{**vars(known), "run": type(run)(id="r", job_id="j", start_ms=1, state="LOST")}
    )
    told = standing(lost, NOW_MS)
    assert told is not None and told.headline == "The JobManager has not listed this run"


def test_a_silent_cluster_without_words_is_told_by_its_last_answer() -> None:
    known = inquiry()
    found = standing(known, NOW_MS)
    assert found is not None
    assert found.subline == "Last answer at 00:00 UTC, the job was RUNNING then."
    never = Expected(interval_ms=1, last_answer_ms=None, cluster_says="Wrong address.")
    told = standing(type(known)(**{**vars(known), "expected": never}), NOW_MS)
    assert told is not None and told.subline == "Wrong address."


def test_a_run_restarts_without_an_exception_for_a_minute_only() -> None:
    open_ = Episode(began_ms=3_590_000, ended_ms=None, faults=(), first=None)
    old = Episode(began_ms=3_000_000, ended_ms=None, faults=(), first=None)
    over = Episode(began_ms=3_590_000, ended_ms=3_595_000, faults=(), first=None)
    told = [is_restarting(a_case(all_running=False, episodes=(e,))) for e in (open_, old, over)]
    assert told == [True, False, False]
    assert not is_restarting(a_case(all_running=False))


def benign(case: Case, *, in_burst: bool = False) -> list[str]:
    return [b.text for b in benign_of(case, in_burst, is_explained=False)]


def test_catching_up_tells_what_is_left_where_that_is_known() -> None:
    falls = lag(rising=False, falling=True)
    source = at("s", source=True)
    case = a_case(lags=(falls,), vertices=(source,))
    assert benign(case) == ["`s` works off what has piled up, 1 record left"]
    timed = a_case(lags=(lag(rising=False, falling=True, records=NOTHING),), vertices=(source,))
    assert benign(timed) == ["`s` works off what has piled up"]
    assert benign(a_case(lags=(falls,))) == [], "a source of which nothing else is known"


def test_a_busy_source_is_paced_only_where_its_lag_is_known_to_stand() -> None:
    source = at("s", saturated=4, source=True)
    stands = lag(rising=False)
    assert "its lag does not grow" in benign(a_case(lags=(stands,), vertices=(source,)))[0]
    assert benign(a_case(lags=(lag(rising=NOTHING),), vertices=(source,))) == []
    assert benign(a_case(vertices=(source,))) == []
    assert benign(a_case(vertices=(source,), frozen="hung")) == []


def test_a_node_tells_what_the_worst_subtask_does_not() -> None:
    facts = inquiry().facts
    assert facts is not None
    for saturated, says in ((0, ""), (1, "1 of 2 subtasks at its limit"), (2, "")):
        case = a_case(vertices=(at("m", 2, saturated=saturated),))
        node = next(n for n in nodes_of(case, facts, None, frozenset()) if n.id == "m")
        assert (node.says, node.saturated) == (says, saturated)
    more = a_case(vertices=(at("m2", 5, saturated=3),))
    [_, node] = nodes_of(more, facts, None, frozenset({"m2"}))
    assert (node.says, node.culprit) == ("3 of 5 subtasks at their limit", True)
    assert [n.says for n in nodes_of(a_case(), facts, None, frozenset())] == ["not measured"] * 2


USER = "com.example.NoAddressException: x\n\tat com.example.A.map(A.java:1)"


def incident_titles(*episodes: Episode) -> list[str]:
    return [i.title for i in incidents_of(a_case(episodes=episodes), {})]


def failing(throwable: str, *, restarted: bool) -> Episode:
    event = FailureEvent(
        origin=Origin(cluster="c", producer="flink-rest", epoch="e", sequence=0),
        time_ms=0,
        job="j",
        throwable=throwable,
        signature="s",
    )
    fault = fault_of(event)
    return Episode(began_ms=0, ended_ms=90_000, faults=(fault,), first=fault, restarted=restarted)


def test_an_incident_without_a_known_cause_says_what_happened() -> None:
    lost = (container("tm-1", gone_ms=1),)
    assert incident_titles(
        Episode(began_ms=0, ended_ms=9_000, faults=(), first=None, lost=lost),
        Episode(began_ms=0, ended_ms=90_000, faults=(), first=None, restarted=False),
        Episode(began_ms=0, ended_ms=90_000, faults=(), first=None),
        failing(USER, restarted=True),
        failing(USER, restarted=False),
        failing("", restarted=True),
    ) == [
        "Restarted after an exception without a class",
        "Did not start: NoAddressException",
        "Restarted after NoAddressException",
        "It took 90 s to start",
        "It restarted when a TaskManager was lost",
    ]
