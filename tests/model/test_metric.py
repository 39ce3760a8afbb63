"""The vocabulary: every word once, every name of Flink for one metric of its scope."""

from collections import Counter

from drsquirrel.model.metric import BY_FLINK_NAME, BY_NAME, METRICS, MICRO
from drsquirrel.model.snapshot import Subject
from drsquirrel.model.state import JOB_STATES, UNKNOWN_CODE, code_of, name_of


def test_every_metric_has_a_word_of_its_own():
    assert len(BY_NAME) == len(METRICS)
    assert all(str(metric) == name for name, metric in BY_NAME.items())


def test_within_a_scope_a_name_of_flink_means_one_metric():
    names = Counter((m.scope, name) for m in METRICS for name in m.flink)
    assert set(names.values()) == {1}
    assert names.keys() == BY_FLINK_NAME.keys()


def test_a_factor_is_said_by_the_unit_of_the_word():
    assert {m.name for m in METRICS if m.factor == MICRO} == {
        name for name, m in BY_NAME.items() if name.endswith("_micro") and m.flink
    }
    assert {m.factor for m in METRICS} == {1, MICRO}


def test_states_have_codes_and_unknown_ones_are_told_apart():
    assert [name_of(JOB_STATES, code_of(JOB_STATES, state)) for state in JOB_STATES] == list(
        JOB_STATES
    )
    assert code_of(JOB_STATES, "SOMETHING NEW") == UNKNOWN_CODE
    assert name_of(JOB_STATES, UNKNOWN_CODE) == name_of(JOB_STATES, 999) == "UNKNOWN"


def test_a_subject_is_a_run_or_a_container():
    assert Subject(cluster="c", job="j").is_run
    assert not Subject(cluster="c", container="tm-1").is_run
