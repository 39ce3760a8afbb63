from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from drsquirrel.collect.flink_rest.error import GoneError, UnreachableError
from drsquirrel.collect.replay import RecordedClock
from drsquirrel.enrich.job_facts import FRESH_MS, RETRY_MS, JobFactsSource, in_order_of_data
from drsquirrel.model.facts import CheckpointSettings, Edge, JobFacts, RunSeen, Vertex
from tests.enrich.recorded import VERSIONS, facts_of, played, runs

JOB = "a" * 32
RUN = RunSeen(cluster="c", job=JOB, start_ms=5, name="orders", state="RUNNING")
ANSWERS: dict[str, Any] = {
    f"/jobs/{JOB}": {
        "name": "orders",
        "start-time": 5,
        "vertices": [{"id": "v", "name": "a -> b", "parallelism": 2, "maxParallelism": 128}],
        "plan": {"type": "STREAMING", "nodes": [{"id": "v", "description": "a<br/>+- b<br/>"}]},
    },
    f"/jobs/{JOB}/checkpoints/config": {"interval": 5000, "timeout": 60000},
    f"/jobs/{JOB}/config": {"execution-config": {"restart-strategy": "none"}},
    "/config": {"flink-version": "2.3.0"},
}


class Told:
    """A cluster that answers what it was told to, and counts what it was asked."""

    def __init__(self, **changes: Any) -> None:
        self.answers = ANSWERS | changes
        self.asked: list[str] = []

    async def get(self, path: str) -> Any:
        self.asked.append(path)
        answer = self.answers[path]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def operators(version: str, job: str) -> list[tuple[str, ...]]:
    return [vertex.operators for vertex in (await facts_of(f"plans-{version}"))[job].vertices]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_plan_is_told_in_the_order_of_the_data(version: str) -> None:
    facts = (await facts_of(f"plans-{version}"))["payments-to-ledger"]
    source, risk, ledger = facts.vertices
    assert source.operators == ("Source: payments", "parse")
    assert risk.operators == ("risk",)
    assert ledger.operators == ("ledger: Writer",)
    assert source.inputs == ()
    assert risk.inputs == (Edge(source=source.id, ship="HASH"),)
    assert ledger.inputs == (Edge(source=risk.id, ship="REBALANCE"),)
    assert {(v.parallelism, v.max_parallelism) for v in facts.vertices} == {(2, 128)}
    assert (facts.cluster, facts.job_type, facts.flink_version) == ("demo", "STREAMING", version)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_whole_job_in_one_chain_is_told_operator_by_operator(version: str) -> None:
    chained = [("Source: invoices", "parse", "convert", "archive: Writer")]
    assert await operators(version, "invoices-to-archive") == chained


@pytest.mark.parametrize("version", VERSIONS)
async def test_chains_that_branch_and_names_that_look_like_plans_are_told_apart(
    version: str,
) -> None:
    facts = (await facts_of(f"plans-{version}"))["branches"]
    numbers, both, printing = facts.vertices
    assert numbers.operators == (
        "Source: numbers",
        "slow down",
        "check <b> & (a, b)",
        "left -> right",
        'Sink: print "it"',
        "other",
        "Sink: print2",
        "negate",
    )
    assert both.operators == ("both",)
    assert [edge.ship for edge in both.inputs] == ["REBALANCE", "RESCALE"]
    assert (printing.operators, printing.parallelism) == (("Sink: print both",), 1)


SQL_JOB = (
    "insert-into_default_catalog.default_database.large_orders,"
    "default_catalog.default_database.per_customer"
)


async def test_operators_of_sql_have_the_names_their_metrics_have() -> None:
    assert await operators("1.18.1", SQL_JOB) == [
        ("Source: orders[1]", "Calc[2]", "Sink: large_orders[3]", "Calc[4]"),
        ("GroupAggregate[6]", "Sink: per_customer[7]"),
    ]
    for version in ("1.20.5", "2.3.0"):
        assert await operators(version, SQL_JOB) == [
            ("Source: orders[1]", "Calc[2]", "Calc[4]"),
            ("large_orders[3]: Writer",),
            ("GroupAggregate[6]", "per_customer[7]: Writer"),
        ]


@pytest.mark.parametrize("version", VERSIONS)
async def test_checkpoints_are_told_as_configured_or_as_off(version: str) -> None:
    facts = await facts_of(f"plans-{version}")
    assert facts["payments-to-ledger"].checkpoints == CheckpointSettings(
        interval_ms=5_000,
        timeout_ms=600_000,
        tolerable_failures=0,
        mode="exactly_once",
        state_backend="HashMapStateBackend",
        storage="JobManagerCheckpointStorage",
    )
    assert facts["branches"].checkpoints is None
    assert facts["batch"].checkpoints is None
    assert facts["batch"].job_type == "BATCH"


async def test_the_restart_strategy_is_told_in_flinks_words() -> None:
    strategies = [(await facts_of(f"plans-{v}"))["payments-to-ledger"] for v in VERSIONS]
    assert [facts.restart_strategy for facts in strategies] == [
        "Restart with fixed delay (5000 ms). #1000000 restart attempts.",
        "Cluster level default restart strategy",
        "Restart with fixed delay (PT5S). #1000000 restart attempts.",
    ]


async def test_a_batch_job_that_is_not_wholly_planned_yet_is_asked_again_soon() -> None:
    get, clock = played("plans-2.3.0")
    run = (await runs(get))["batch"]
    found = await JobFactsSource("demo", get, clock).look_up(run)
    assert found.value is not None
    assert not found.complete
    assert found.says == "2 operators of the job batch are not planned yet."


async def test_a_run_is_asked_once_and_again_after_ten_minutes() -> None:
    cluster, clock = Told(), RecordedClock(1_000)
    source = JobFactsSource("c", cluster, clock)
    first = await source.look_up(RUN)
    assert first.complete
    assert first.value is not None
    await clock.sleep(FRESH_MS / 1000 - 1)
    assert await source.look_up(RUN) == first
    assert first.age_ms(clock.now_ms()) == FRESH_MS - 1_000
    assert sorted(cluster.asked) == sorted(ANSWERS)
    await clock.sleep(1)
    cluster.answers[f"/jobs/{JOB}"]["vertices"][0]["parallelism"] = 4
    rescaled = await source.look_up(RUN)
    assert rescaled.value is not None
    assert rescaled.value.vertices[0].parallelism == 4
    assert rescaled.age_ms(clock.now_ms()) == 0
    cluster.answers[f"/jobs/{JOB}"]["vertices"][0]["parallelism"] = 2


async def test_what_was_found_is_kept_while_the_cluster_is_silent() -> None:
    cluster, clock = Told(), RecordedClock(0)
    source = JobFactsSource("c", cluster, clock)
    first = await source.look_up(RUN)
    cluster.answers = dict.fromkeys(ANSWERS, UnreachableError("Cannot reach it."))
    await clock.sleep(FRESH_MS / 1000)
    asked = len(cluster.asked)
    for _ in range(3):
        silent = await source.look_up(RUN)
        assert silent.value == first.value
        assert silent.says == "Cannot reach it."
        assert silent.age_ms(clock.now_ms()) == FRESH_MS
    assert len(cluster.asked) == asked + 1
    cluster.answers = ANSWERS
    await clock.sleep(RETRY_MS / 1000)
    again = await source.look_up(RUN)
    assert (again.says, again.age_ms(clock.now_ms())) == ("", 0)


async def test_no_more_runs_are_kept_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drsquirrel.enrich.job_facts.RUNS_MAX", 2)
    cluster = Told()
    source = JobFactsSource("c", cluster, RecordedClock(0))
    for start_ms in (5, 6, 5, 7, 5, 6):  # 6 makes room for 7, as 5 was looked up since
        await source.look_up(msgspec.structs.replace(RUN, start_ms=start_ms))
    assert cluster.asked.count(f"/jobs/{JOB}") == 4


async def look_up(cluster: Told) -> tuple[JobFacts | None, bool, str]:
    found = await JobFactsSource("c", cluster, RecordedClock(0)).look_up(RUN)
    return found.value, found.complete, found.says


async def test_a_job_that_is_gone_has_no_facts() -> None:
    gone = Told(**{f"/jobs/{JOB}": GoneError("It does not know the job.", 404)})
    assert await look_up(gone) == (None, False, "It does not know the job.")


async def test_of_a_vertex_whose_name_is_too_long_the_beginning_is_kept_and_all_its_operators() -> (
    None
):
    job = msgspec.json.decode(msgspec.json.encode(ANSWERS[f"/jobs/{JOB}"]))
    operators = [f"operator {i:03}" for i in range(200)]
    job["vertices"][0]["name"] = " -> ".join(operators)
    facts, _, _ = await look_up(Told(**{f"/jobs/{JOB}": job | {"plan": {"nodes": []}}}))
    assert facts is not None
    [vertex] = facts.vertices
    assert vertex.name == " -> ".join(operators)[:1_000] + "…"
    assert vertex.operators == tuple(operators)


async def test_a_job_without_a_checkpoint_configuration_has_no_checkpoints() -> None:
    path = f"/jobs/{JOB}/checkpoints/config"
    facts, complete, _ = await look_up(Told(**{path: GoneError("No checkpoints.", 404)}))
    assert facts is not None
    assert facts.checkpoints is None
    assert complete


async def test_checkpoints_that_could_not_be_read_are_not_taken_for_off() -> None:
    path = f"/jobs/{JOB}/checkpoints/config"
    facts, complete, says = await look_up(Told(**{path: UnreachableError("Cannot reach it.")}))
    assert (facts, complete, says) == (None, False, "Cannot reach it.")


async def test_facts_without_the_restart_strategy_are_given_as_incomplete() -> None:
    path = f"/jobs/{JOB}/config"
    facts, complete, says = await look_up(Told(**{path: UnreachableError("Cannot reach it.")}))
    assert facts is not None
    assert (facts.restart_strategy, complete, says) == ("", False, "Cannot reach it.")


async def test_another_start_of_the_same_job_is_not_mistaken_for_this_run() -> None:
    other = ANSWERS[f"/jobs/{JOB}"] | {"start-time": 6}
    facts, _, says = await look_up(Told(**{f"/jobs/{JOB}": other}))
    assert facts is None
    assert "started anew" in says


async def test_a_run_that_was_heard_of_first_is_given_the_plan_of_its_job() -> None:
    heard = replace(RUN, start_ms=7, is_heard=True)
    found = await JobFactsSource("c", Told(), RecordedClock(0)).look_up(heard)
    assert found.value is not None
    assert (found.value.start_ms, len(found.value.vertices)) == (7, 1)


async def test_an_answer_of_another_shape_is_said_and_not_believed() -> None:
    facts, _, says = await look_up(Told(**{f"/jobs/{JOB}": {"vertices": 7}}))
    assert facts is None
    assert f"/jobs/{JOB} is not of the shape that Flink sends" in says


def vertex(name: str, *inputs: str) -> Vertex:
    edges = tuple(Edge(source=i, ship="HASH") for i in inputs)
    return Vertex(id=name, name=name, parallelism=1, inputs=edges)


@given(st.permutations(range(6)), st.data())
def test_a_vertex_never_stands_before_what_feeds_it(order: list[int], data: st.DataObject) -> None:
    """Edges only from lower to higher numbers, in any order of the list."""
    edges = {i: data.draw(st.sets(st.integers(0, max(0, i - 1)))) - {i} for i in range(6)}
    vertices = [vertex(str(i), *map(str, edges[i])) for i in order]
    ordered = [v.id for v in in_order_of_data(vertices)]
    assert sorted(ordered) == sorted(v.id for v in vertices)
    for i, sources in edges.items():
        assert all(ordered.index(str(s)) < ordered.index(str(i)) for s in sources)


def test_an_order_that_is_right_stays_and_a_cycle_ends() -> None:
    right = [vertex("a"), vertex("x"), vertex("b", "a"), vertex("c", "b", "x")]
    assert in_order_of_data(right) == right
    cycle = [vertex("a", "b"), vertex("b", "a"), vertex("c", "b", "elsewhere")]
    assert [v.id for v in in_order_of_data(cycle)] == ["a", "b", "c"]


async def test_a_job_that_is_still_initialized_has_no_plan_and_is_soon_asked_again() -> None:
    clock = RecordedClock(0)
    told = Told()
    planned = told.answers[f"/jobs/{JOB}"]
    told.answers[f"/jobs/{JOB}"] = planned | {"vertices": [], "plan": {"nodes": []}}
    source = JobFactsSource("c", told, clock)
    found = await source.look_up(RUN)
    assert found.value is None and "no plan yet" in found.says
    told.answers[f"/jobs/{JOB}"] = planned
    assert (await source.look_up(RUN)).value is None
    await clock.sleep(RETRY_MS / 1000)
    found = await source.look_up(RUN)
    assert found.value is not None and found.complete
