"""Answers: how evidence adds up, whose consequence is whose, and what a broken rule leaves."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from drsquirrel.diagnose.answer import ask, give, leads, ranked
from drsquirrel.diagnose.question import live_episode, questions_of, score_of, weigh
from drsquirrel.model.case import Case, ContainerNow, Episode
from drsquirrel.model.report import Advice, Answer, Culprit, Onset
from drsquirrel.model.unknown import Unknown
from drsquirrel.model.verdict import Confidence, Stand
from drsquirrel.rules import cause as rule
from drsquirrel.rules.cause import (
    Cause,
    Evidence,
    Question,
    decisive,
    impossible,
    opposes,
    supports,
)
from tests.diagnose.sim import Sim

ASKED = Question.WHAT_GROWS
NOTHING = Unknown("not measured")


@dataclass(frozen=True)
class Stub(Cause):
    """A cause that finds what it is told to find."""

    topic: ClassVar[str] = "a stub"
    answers: ClassVar[Question] = ASKED
    evidence: tuple[Evidence, ...] = ()
    sure: bool = False
    breaks: str = ""

    def weigh(self, case: Case) -> Iterator[Evidence]:
        if self.breaks == "weigh":
            raise KeyError("secret")
        yield from self.evidence

    def certain(self, case: Case) -> bool:
        return self.sure

    def title(self, case: Case) -> str:
        if self.breaks == "title":
            raise ZeroDivisionError
        return "It is so"

    def culprit(self, case: Case) -> Culprit:
        return Culprit(container="tm-1")

    def advise(self, case: Case) -> Iterator[Advice]:
        yield Advice(title="Change it")
        yield Advice(title="Measure it", kind="measure")

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return ("hope",)

    def if_nothing_is_done(self, case: Case) -> str:
        if self.breaks == "next words":
            raise IndexError
        return "It gets worse."


def a_case(**values: object) -> Case:
    told: dict[str, object] = {
        "now_ms": 3_600_000,
        "job": "orders",
        "start_ms": 0,
        "state": "RUNNING",
        "facts": NOTHING,
        "all_running": True,
        "running_for_ms": 1e6,
        "frozen": "",
        "warming_up": False,
        "vertices": (),
        "containers": {},
        "lags": (),
        "bottlenecks": (),
        "episodes": (),
        "checkpoints": NOTHING,
        "slots_free": 1.0,
        "tasks_waiting": 0.0,
        **values,
    }
    return Case(**told)  # type: ignore[arg-type]


CASE = a_case()
FOR = supports("gc", decisive, "it is much", "90 %")


def test_of_each_group_only_the_strongest_counts() -> None:
    weak, strong = supports("a", rule.weak, ""), supports("a", rule.strong, "")
    assert score_of(1.0, [weak, strong, opposes("b", rule.weak, "")]) == 2.0
    assert score_of(0.0, [supports("a", rule.weak, ""), opposes("a", rule.strong, "")]) == -2.0
    assert score_of(9.0, [FOR, impossible("no")]) == -math.inf


@pytest.mark.parametrize(
    ("weights", "confidence"),
    [
        ((), Confidence.CANNOT_TELL),
        ((rule.weak,), Confidence.POSSIBLE),
        ((rule.strong,), Confidence.POSSIBLE),
        ((rule.decisive,), Confidence.LIKELY),
    ],
)
def test_the_share_of_an_answer_makes_its_word(
    weights: tuple[rule.Strength, ...], confidence: Confidence
) -> None:
    evidence = tuple(supports(str(w), w, "") for w in weights)
    [found] = weigh(ASKED, {"it": Stub(evidence)}, CASE)
    assert found.confidence is confidence


def test_what_is_excluded_is_out_however_sure_it_calls_itself() -> None:
    [found] = weigh(ASKED, {"it": Stub((impossible("no"),), sure=True)}, CASE)
    assert (found.share, found.certain) == (0.0, False)
    assert weigh(Question.IS_IT_RUNNING, {"it": Stub((FOR,))}, CASE) == []


def test_a_certain_answer_comes_first_and_the_rest_by_share_and_name() -> None:
    causes = {"b": Stub(), "a": Stub(), "much": Stub((FOR,)), "sure": Stub(sure=True)}
    assert [a.code for a in weigh(ASKED, causes, CASE)] == ["sure", "much", "a", "b"]


def test_an_answer_shows_its_evidence_and_whom_a_number_ruled_out() -> None:
    causes = {
        "it": Stub((opposes("x", rule.weak, "but"), FOR)),
        "out": Stub((impossible("no such thing", "0"),)),
        "low": Stub((opposes("y", decisive, "too low", "1"), opposes("z", rule.weak, "and"))),
        "mute": Stub((supports("m", rule.weak, ""),)),
    }
    asked = ask(ASKED, causes, CASE)
    assert asked.answer is not None and (asked.weighed, asked.next_words) == (4, "It gets worse.")
    told = [(e.stand, e.text, e.value) for e in asked.answer.evidence]
    assert told == [
        (Stand.FOR, "it is much", "90 %"),
        (Stand.AGAINST, "but", ""),
        (Stand.RULED_OUT, "a stub: too low", "1"),
        (Stand.RULED_OUT, "a stub: no such thing", "0"),
    ]
    assert asked.answer.rivals == ("mute",), "it is not ruled out, and the answer is not sure"


def test_only_five_are_said_to_be_ruled_out() -> None:
    out = {f"out-{i}": Stub((impossible("no"),)) for i in range(9)}
    answer = ask(ASKED, {"it": Stub((FOR,)), **out}, CASE).answer
    assert answer is not None
    assert sum(e.stand is Stand.RULED_OUT for e in answer.evidence) == 5


def test_changes_are_advised_from_likely_up_only() -> None:
    likely = ask(ASKED, {"it": Stub((FOR,))}, CASE).answer
    possible = ask(ASKED, {"it": Stub((supports("a", rule.strong, ""),))}, CASE).answer
    assert likely is not None and possible is not None
    assert [a.title for a in likely.advice] == ["Change it", "Measure it"]
    assert [a.title for a in possible.advice] == ["Measure it"]
    assert (likely.will_not_help, possible.will_not_help) == (("hope",), ())


@pytest.mark.parametrize(
    ("breaks", "error"),
    [("weigh", "KeyError"), ("title", "ZeroDivisionError"), ("next words", "IndexError")],
)
def test_a_rule_that_breaks_is_left_out_and_told(breaks: str, error: str) -> None:
    asked = ask(ASKED, {"it": Stub((FOR,), breaks=breaks)}, CASE)
    assert asked.answer is None
    assert asked.broken == (f"it ({error})",)


def test_a_rule_that_breaks_leaves_the_place_to_others() -> None:
    causes = {"it": Stub((FOR,), breaks="weigh"), "other": Stub((FOR,))}
    asked = ask(ASKED, causes, CASE)
    assert asked.answer is not None and asked.answer.code == "other"


def test_a_broken_rule_shows_among_the_gaps_of_the_report() -> None:
    sim = Sim()
    causes = {**sim.desk._rules.causes, "broken": Stub(breaks="weigh")}
    sim.desk._rules = replace(sim.desk._rules, causes=causes)
    sim.gc["tm-1"] = 0.5
    report = sim.run(120)
    assert "A rule broke and was left out: broken (KeyError)." in report.data.gaps
    assert [a.code for a in report.causes] == ["gc-pressure"]


def answer(
    code: str,
    question: Question = ASKED,
    confidence: Confidence = Confidence.LIKELY,
    onset: tuple[int, int] | None = None,
    container: str | None = None,
    leads_to: tuple[str, ...] = (),
) -> Answer:
    return Answer(
        code=code,
        question=question.value,
        title=code,
        confidence=confidence,
        culprit=Culprit(container=container),
        onset=None if onset is None else Onset(earliest_ms=onset[0], latest_ms=onset[1]),
        evidence=(),
        advice=(),
        leads_to=leads_to,
    )


def test_roots_come_first_then_the_sure_ones_then_the_order_of_the_questions() -> None:
    gc = answer("gc-pressure", leads_to=("taskmanager-hung",))
    hung = answer("taskmanager-hung", Question.WHO_FAILED_FIRST)
    sink = answer("slow-sink", Question.WHY_DOES_THE_BOTTLENECK_LIMIT)
    unsure = answer("x", Question.IS_IT_RUNNING, Confidence.POSSIBLE)
    order = [a.code for a in ranked([unsure, hung, gc, sink])]
    assert order == ["slow-sink", "gc-pressure", "x", "taskmanager-hung"]


def test_an_unsure_answer_leads_to_nothing() -> None:
    gc = answer("gc-pressure", confidence=Confidence.POSSIBLE, leads_to=("taskmanager-hung",))
    hung = answer("taskmanager-hung", Question.WHO_FAILED_FIRST)
    assert [a.code for a in ranked([gc, hung])] == ["taskmanager-hung", "gc-pressure"]


def test_a_cause_does_not_lead_to_what_began_before_it_or_happened_elsewhere() -> None:
    root = answer("a", onset=(100, 200), container="tm-1", leads_to=("a", "b"))
    here, elsewhere = Culprit(container="tm-1"), Culprit(container="tm-2")
    assert leads(root, "b", here, Onset(earliest_ms=0, latest_ms=100))
    assert leads(root, "b", Culprit(), None)
    assert not leads(root, "b", here, Onset(earliest_ms=0, latest_ms=99))
    assert not leads(root, "b", elsewhere, None)
    assert not leads(root, "c", here, None) and not leads(root, "a", here, None)


def container(id_: str, **values: object) -> ContainerNow:
    told: dict[str, object] = {
        "id": id_,
        "is_taskmanager": True,
        "host": "",
        "cores": NOTHING,
        "cores_used": NOTHING,
        "gc_share": NOTHING,
        "gc_old_share": NOTHING,
        "heap_floor_share": NOTHING,
        "heap_max_bytes": NOTHING,
        "heartbeat_age_ms": NOTHING,
        "threads": NOTHING,
        **values,
    }
    return ContainerNow(**told)  # type: ignore[arg-type]


def raised(case: Case, *holding: str) -> list[Question]:
    return [question for question, _ in questions_of(case, frozenset(holding))]


def test_a_calm_case_raises_no_question() -> None:
    assert raised(CASE) == []
    assert raised(a_case(all_running=NOTHING, tasks_waiting=NOTHING, bottlenecks=NOTHING)) == []


def test_tasks_that_do_not_run_or_wait_raise_whether_it_runs() -> None:
    assert raised(a_case(all_running=False)) == [Question.IS_IT_RUNNING]
    assert raised(a_case(tasks_waiting=1.0)) == [Question.IS_IT_RUNNING]


@pytest.mark.parametrize(
    ("values", "question"),
    [
        ({"heartbeat_age_ms": 13_000.0}, Question.WHO_FAILED_FIRST),
        ({"gc_share": 0.3}, Question.WHAT_GROWS),
        ({"gc_share": 0.06, "heap_floor_share": 0.9}, Question.WHAT_GROWS),
    ],
)
def test_a_process_raises_questions_where_it_holds_the_run(
    values: dict[str, object], question: Question
) -> None:
    case = a_case(containers={"tm-1": container("tm-1", **values)})
    assert raised(case, "tm-1") == [question]
    assert raised(case) == []


@pytest.mark.parametrize(
    "values",
    [
        {"heartbeat_age_ms": 11_000.0},
        {"heartbeat_age_ms": 99_000.0, "gone_ms": 5},
        {"gc_share": 0.1},
        {"gc_share": 0.01, "heap_floor_share": 0.99},
        {"heap_floor_share": 0.99},
    ],
)
def test_a_process_that_is_well_or_gone_raises_none(values: dict[str, object]) -> None:
    assert raised(a_case(containers={"tm-1": container("tm-1", **values)}), "tm-1") == []


def episode(began_s: int, ended_s: int | None) -> Episode:
    lost = (container("tm-1", gone_ms=1),)
    ended_ms = None if ended_s is None else ended_s * 1000
    return Episode(began_ms=began_s * 1000, ended_ms=ended_ms, faults=(), first=None, lost=lost)


@pytest.mark.parametrize(
    ("episodes", "is_live"),
    [
        ((), False),
        (((3500, None),), True),
        (((3400, 3490),), True),
        (((3400, 3470),), False),
        (((3000, 3010), (3200, 3210)), True),
        (((1000, 1010), (2900, 2990)), False),
    ],
)
def test_an_episode_is_live_while_open_just_over_or_in_a_row(
    episodes: tuple[tuple[int, int | None], ...], is_live: bool
) -> None:
    case = a_case(episodes=tuple(episode(*e) for e in episodes))
    assert (live_episode(case) is not None) is is_live
    assert raised(case) == ([Question.WHO_FAILED_FIRST] if is_live else [])


def test_an_open_episode_of_which_nothing_is_known_yet_leaves_the_one_before() -> None:
    known = episode(3400, 3490)
    fresh = Episode(began_ms=3_595_000, ended_ms=None, faults=(), first=None)
    assert live_episode(a_case(episodes=(known, fresh))) is known


def test_what_is_given_counts_what_was_asked_and_weighed() -> None:
    given = give(a_case(all_running=False), {"it": Stub((FOR,))}, frozenset())
    assert (given.answers, given.weighed) == ((), 0)
    assert given.raised == {Question.IS_IT_RUNNING.value}
