"""Whose turn it is when there is not room for all."""

from hypothesis import given
from hypothesis import strategies as st

from drsquirrel.collect.flink_rest.turns import Candidate, in_turn

CANDIDATES = st.lists(
    st.builds(
        Candidate,
        key=st.integers(0, 50),
        cost=st.integers(1, 3),
        suspicion=st.sampled_from([0.0, 0.0, 0.4, 1.0]),
    ),
    unique_by=lambda c: c.key,
    max_size=30,
)


@given(CANDIDATES, st.integers(-3, 40))
def test_the_budget_is_kept_and_nobody_is_chosen_twice(
    candidates: list[Candidate[int]], budget: int
) -> None:
    chosen = in_turn(candidates, budget, lambda key: key)
    costs = {c.key: c.cost for c in candidates}
    assert sum(costs[key] for key in chosen) <= max(0, budget)
    assert len(chosen) == len(set(chosen))


@given(CANDIDATES)
def test_all_are_chosen_where_there_is_room(candidates: list[Candidate[int]]) -> None:
    room = sum(c.cost for c in candidates)
    assert set(in_turn(candidates, room, lambda _: 0)) == {c.key for c in candidates}


@given(CANDIDATES, st.integers(6, 12))
def test_nobody_waits_for_ever(candidates: list[Candidate[int]], budget: int) -> None:
    last: dict[int, int] = {}
    for number in range(1, 100):
        for key in in_turn(candidates, budget, lambda key: last.get(key, 0)):
            last[key] = number
    assert all(last.get(c.key, 0) > 50 for c in candidates)


def test_the_most_suspicious_come_first_within_half_of_the_budget() -> None:
    calm = [Candidate(i) for i in range(10)]
    suspicious = [Candidate(100 + i, suspicion=i / 10) for i in range(1, 10)]
    chosen = in_turn([*calm, *suspicious], 4, lambda key: key)
    assert chosen == [109, 108, 0, 1]
