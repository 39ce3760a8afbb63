from collections.abc import Sequence

import msgspec
import pytest

from drsquirrel.diagnose.thread import classify, verdict
from drsquirrel.model.case import ThreadKind, ThreadVerdict
from drsquirrel.model.facts import ThreadSample
from drsquirrel.model.unknown import Unknown
from tests.diagnose.threads import INPUT, MAP, OUTPUT, PARK, RUN, SHOP, TAKE, sample
from tests.enrich.recorded import VERSIONS, samples


async def recorded(job: str, task: str, versions: Sequence[str] = VERSIONS) -> list[ThreadSample]:
    """Samples of a demo job on several Flinks, as if their TaskManagers were of one cluster."""
    found = [s for version in versions for s in await samples(f"threads-{version}", job)]
    return [s for s in found if s.task == task]


def decided(samples: list[ThreadSample]) -> ThreadVerdict:
    found = verdict(samples)
    assert isinstance(found, ThreadVerdict), found
    return found


async def test_a_sink_that_pauses_sleeps_in_its_own_frame_at_the_end_of_the_chain() -> None:
    task = "Source: invoices -> parse -> convert -> archive: Writer"
    found = decided(await recorded("invoices-to-archive", task))
    assert (found.kind, found.samples) == (ThreadKind.SLEEPING, 18)
    assert found.share >= 17 / 18
    assert found.frame == SHOP + "work.Pause.micros"
    assert found.operator_frame == SHOP + "WorkSink$Writer.write"
    assert found.chain_index == 3


async def test_a_sink_that_waits_for_a_socket_is_io_though_java_calls_it_runnable() -> None:
    found = await recorded("slow-socket", "ledger: Writer")
    assert {s.state for s in found} == {"RUNNABLE"}
    found = [s for s in found if classify(s).kind is not ThreadKind.IDLE]
    agreed = decided(found)
    assert agreed.kind is ThreadKind.IO
    assert agreed.frame == SHOP + "work.PriceClient.on"
    assert agreed.operator_frame == SHOP + "WorkSink$Writer.write"


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_lock_is_seen_in_those_who_wait_and_in_the_one_who_holds_it(version: str) -> None:
    found = decided(await recorded("lock", "enrich", [version]))
    assert found.kind is ThreadKind.LOCK
    assert found.share >= 10 / 12
    assert found.frame == SHOP + "work.SharedRates.on"
    assert found.operator_frame == SHOP + "Steps$Plain.map"
    assert found.chain_index == 0


async def test_code_that_computes_is_named_by_the_frame_most_samples_share() -> None:
    found = await recorded("cpu-bound", "enrich")
    assert {classify(s).culprit_frame for s in found} >= {SHOP + "work.FraudScore.mix"}
    agreed = decided(found)
    assert agreed.kind is ThreadKind.RUNNING
    assert agreed.frame in (SHOP + "work.FraudScore.mix", SHOP + "work.FraudScore.on")


async def test_the_upstream_of_a_slow_task_is_idle_in_its_mailbox() -> None:
    found = decided(await recorded("cpu-bound", "ledger: Writer"))
    assert (found.kind, found.frame, found.operator_frame) == (ThreadKind.IDLE, "", "")


def computing(number: int, *codes: str) -> list[ThreadSample]:
    return [sample(*(codes or ("a.Score.of", "a.Map.map", MAP)), dump=i) for i in range(number)]


def test_six_samples_that_agree_decide_and_of_fewer_all_must() -> None:
    idle = [sample(PARK, TAKE, RUN, state="WAITING", dump=9)]
    assert decided(computing(6) + idle).samples == 7
    assert isinstance(verdict(computing(5) + idle), Unknown)
    assert decided(computing(3)).samples == 3
    two = [sample("a.Map.map", MAP, dump=i % 2, subtask=i) for i in range(10)]
    assert verdict(two) == Unknown("2 thread dumps: 3 decide")
    assert isinstance(verdict([]), Unknown)


def test_three_quarters_have_to_agree_on_what_they_do() -> None:
    idle = [sample(PARK, TAKE, RUN, state="WAITING", dump=i) for i in range(8)]
    assert decided(computing(9) + idle[:3]).share == 0.75
    assert isinstance(verdict(computing(8) + idle[:3]), Unknown)
    unknown = [sample(PARK, RUN, state="WAITING", dump=i) for i in range(8)]
    assert isinstance(verdict(unknown), Unknown)


def test_three_quarters_have_to_agree_on_where() -> None:
    places = [sample(f"a.P{i}.of", f"a.Map{i}.map", MAP, dump=i) for i in range(8)]
    assert isinstance(verdict(places), Unknown)
    assert "different places" in verdict(places).reason  # type: ignore[union-attr]
    serializing = [sample("java.util.HashMap.get", OUTPUT, MAP, dump=i) for i in range(8)]
    assert decided(serializing).frame == MAP
    nowhere = [sample("org.apache.flink.Some.thing", dump=i) for i in range(8)]
    assert isinstance(verdict(nowhere), Unknown)


def test_the_index_in_the_chain_is_told_only_if_most_agree() -> None:
    first = computing(4, "a.Map.map", MAP, INPUT)
    second = computing(4, "a.Map.map", MAP, OUTPUT, MAP, INPUT)
    assert decided(first + second).chain_index == -1
    assert decided(second * 2).chain_index == 1


def test_of_two_threads_of_one_name_the_idle_one_is_another_jobs() -> None:
    idle = [sample(PARK, TAKE, RUN, state="WAITING", dump=i, thread=2) for i in range(8)]
    found = decided(computing(8) + idle)
    assert (found.kind, found.samples) == (ThreadKind.RUNNING, 8)
    assert decided(idle).kind is ThreadKind.IDLE


def test_two_busy_threads_of_one_name_have_to_agree() -> None:
    other = [msgspec.structs.replace(s, thread=2) for s in computing(8, "b.Other.map", MAP)]
    assert isinstance(verdict(computing(8) + other), Unknown)


def test_a_lock_of_another_container_or_dump_is_not_taken_for_this_one() -> None:
    holder = computing(8)
    waiting = [
        sample("a.X.y", state="BLOCKED", held_by="enrich (1/2)#0", subtask=1, dump=i, container="o")
        for i in range(2)
    ]
    assert decided(holder + waiting).kind is ThreadKind.RUNNING
