"""What is remembered between looks: promoted after two, dropped after three, never flipped."""

from drsquirrel.diagnose.memory import (
    Memory,
    decoder,
    encoder,
    hold_answers,
    hold_symptoms,
    place_of,
)
from drsquirrel.model.report import Answer, Culprit, Symptom
from drsquirrel.model.verdict import Confidence
from drsquirrel.rules.cause import Question

WHY, RUNS, FIRST, GROWS = (
    Question.WHY_DOES_THE_BOTTLENECK_LIMIT.value,
    Question.IS_IT_RUNNING.value,
    Question.WHO_FAILED_FIRST.value,
    Question.WHAT_GROWS.value,
)
LIKELY, POSSIBLE, CERTAIN = Confidence.LIKELY, Confidence.POSSIBLE, Confidence.CERTAIN


def answer(
    code: str = "slow-sink",
    confidence: Confidence = LIKELY,
    question: str = WHY,
    vertex: str | None = "k",
) -> Answer:
    return Answer(
        code=code,
        question=question,
        title=code,
        confidence=confidence,
        culprit=Culprit(vertex_id=vertex),
        onset=None,
        evidence=(),
        advice=(),
    )


class Looks:
    """One look after the other; `shown` are the promoted answers after the last."""

    def __init__(self) -> None:
        self.memory = Memory()

    def look(
        self, *answers: Answer, raised: tuple[str, ...] = (WHY,), unknown: tuple[str, ...] = ()
    ) -> list[str]:
        held = hold_answers(
            self.memory, answers, raised=frozenset(raised), unknown=frozenset(unknown)
        )
        self.memory = decoder.decode(encoder.encode(Memory(answers=held)))
        return [f"{h.what.code}:{h.what.confidence}" for h in held if h.promoted]


def test_an_answer_is_promoted_after_two_looks_and_dropped_after_three_without_it() -> None:
    looks = Looks()
    assert looks.look(answer()) == []
    assert looks.look(answer()) == ["slow-sink:likely"]
    assert [looks.look() for _ in range(3)] == [["slow-sink:likely"]] * 2 + [[]]
    assert looks.memory.answers == ()


def test_an_answer_seen_now_and_then_is_not_promoted() -> None:
    looks = Looks()
    for _ in range(5):
        assert looks.look(answer()) == []
        assert looks.look() == []


def test_a_certain_answer_is_promoted_at_once() -> None:
    assert Looks().look(answer(confidence=CERTAIN)) == ["slow-sink:certain"]
    looks = Looks()
    looks.look(answer(confidence=POSSIBLE))
    assert looks.look(answer(confidence=CERTAIN)) == ["slow-sink:certain"]


def test_a_sure_answer_does_not_turn_unsure_before_the_sixth_look() -> None:
    looks = Looks()
    looks.look(answer())
    looks.look(answer())
    unsure = answer(confidence=POSSIBLE)
    found = [looks.look(unsure) for _ in range(6)]
    assert found == [["slow-sink:likely"]] * 5 + [["slow-sink:possible"]]
    assert looks.look(answer()) == ["slow-sink:likely"]


def test_another_answer_takes_the_place_when_it_is_promoted_and_not_before() -> None:
    looks = Looks()
    looks.look(answer())
    looks.look(answer())
    other = answer("cpu-bound-operator")
    assert looks.look(other) == ["slow-sink:likely"]
    assert looks.look(other) == ["cpu-bound-operator:likely"]


def test_two_answers_that_take_turns_do_not_flip() -> None:
    looks = Looks()
    looks.look(answer())
    looks.look(answer())
    for _ in range(6):
        assert looks.look(answer("cpu-bound-operator")) == ["slow-sink:likely"]
        assert looks.look(answer()) == ["slow-sink:likely"]


def test_each_vertex_has_its_own_answer_and_other_questions_have_one() -> None:
    assert place_of(answer(vertex="a")) != place_of(answer(vertex="b"))
    assert place_of(answer(vertex=None)) == (WHY, "")
    assert place_of(answer(question=FIRST, vertex="a")) == place_of(
        answer(question=FIRST, vertex="b")
    )


def test_an_answer_about_a_state_goes_at_once_when_its_question_is_not_raised_any_more() -> None:
    for question in (RUNS, FIRST):
        looks = Looks()
        looks.look(answer(confidence=CERTAIN, question=question))
        assert looks.look(raised=(question,)) == ["slow-sink:certain"]
        assert looks.look() == []
    looks = Looks()
    looks.look(answer(confidence=CERTAIN, question=GROWS))
    assert looks.look() == ["slow-sink:certain"], "what grows is about rates"


def test_a_question_that_could_not_be_asked_leaves_its_answer_for_a_minute() -> None:
    looks = Looks()
    looks.look(answer())
    looks.look(answer())
    stays = [bool(looks.look(unknown=(WHY,))) for _ in range(6)]
    assert stays == [True] * 5 + [False]


def symptom(code: str, vertex: str | None = None) -> Symptom:
    return Symptom(code=code, text=code, onset=None, culprit=Culprit(vertex_id=vertex))


def shown(memory: Memory, *symptoms: Symptom) -> tuple[Memory, list[str]]:
    held = hold_symptoms(memory, symptoms)
    return Memory(symptoms=held), [h.what.code for h in held if h.promoted]


def test_a_symptom_of_rates_takes_two_looks_to_come_and_three_to_go() -> None:
    memory, found = shown(Memory(), symptom("operator-saturated", "k"))
    assert found == []
    memory, found = shown(memory, symptom("operator-saturated", "k"))
    assert found == ["operator-saturated"]
    for expected in (["operator-saturated"], ["operator-saturated"], []):
        memory, found = shown(memory)
        assert found == expected


def test_the_same_symptom_elsewhere_is_another() -> None:
    memory, _ = shown(Memory(), symptom("operator-saturated", "k"))
    assert shown(memory, symptom("operator-saturated", "m"))[1] == []


def test_a_symptom_that_is_a_state_comes_and_goes_at_once() -> None:
    memory, found = shown(Memory(), symptom("job-not-running"))
    assert found == ["job-not-running"]
    assert shown(memory)[1] == []
