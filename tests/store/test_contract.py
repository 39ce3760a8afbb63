"""What every store promises, whatever database is behind it."""

import threading
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drsquirrel.model.event import CheckpointEvent
from drsquirrel.model.facts import RunSeen
from drsquirrel.model.identity import container_id, run_id
from drsquirrel.model.snapshot import WINDOW_MS
from drsquirrel.model.verdict import Verdict
from drsquirrel.store.error import FencedError, StoreError
from drsquirrel.store.interface import HOUR_MS, Batch, Memory, Offset, Retention, Store
from tests.store import made
from tests.store.made import CLUSTER, JOB, JOB_ID, RUN_ID, START_MS, Opener


def test_an_empty_store_knows_nothing(store: Store) -> None:
    assert not any(v for k, v in made.everything(store).items() if k != "logs")
    assert store.logs(RUN_ID).events == ()
    assert store.logs(RUN_ID).complete


def test_what_was_written_is_read_after_the_store_was_opened_again(
    opener: Opener, tmp_path: Path
) -> None:
    first = opener(tmp_path, Retention())
    for number in range(40):
        first.write(made.tick(number))
    before = made.everything(first)
    first.close()
    second = opener(tmp_path, Retention())
    assert made.everything(second) == before
    assert all(before.values())
    second.close()


def test_reports_and_the_list_of_jobs_are_the_bytes_that_were_given(store: Store) -> None:
    rendered = made.report()
    store.write(Batch(time_ms=START_MS, reports=(rendered,), job_list=b'{"jobs":[]}'))
    report, [jobs] = store.report(RUN_ID), store.job_lists()
    assert report is not None and report.body == rendered.body and report.made_ms == START_MS
    assert jobs.body == b'{"jobs":[]}' and jobs.made_ms == START_MS


def test_an_etag_changes_exactly_when_the_bytes_do(store: Store) -> None:
    etags = []
    for number, body in enumerate((b"one", b"two", b"two", b"one")):
        store.write(Batch(time_ms=START_MS + number, job_list=body))
        [page] = store.job_lists()
        etags.append(page.etag)
    assert etags[0] == etags[3] != etags[1] == etags[2]


def test_a_window_that_grows_is_stored_as_it_grew_and_never_shrinks(store: Store) -> None:
    for time_ms, seen in ((1, 2), (2, 5), (3, 4)):
        store.write(Batch(time_ms=time_ms, snapshots=(made.snapshot(seen=seen),)))
    assert [s.reports_seen for s in store.load_hour(CLUSTER, START_MS)] == [5]


def test_the_hour_is_loaded_with_the_window_that_was_open_at_its_start(store: Store) -> None:
    windows = [START_MS + i * WINDOW_MS for i in range(4)]
    snapshots = [made.snapshot(w, container=c) for w in windows for c in ("", "tm-1")]
    store.write(Batch(time_ms=START_MS, snapshots=tuple(reversed(snapshots))))
    loaded = list(store.load_hour(CLUSTER, windows[1] + 1))
    assert sorted(loaded, key=lambda s: s.subject) == sorted(snapshots[2:], key=lambda s: s.subject)
    assert [s.window_ms for s in loaded] == sorted(s.window_ms for s in loaded)
    assert list(store.load_hour("other", 0)) == []


def test_failures_are_kept_beyond_those_flink_keeps_and_come_newest_first(store: Store) -> None:
    for number in range(40):
        store.write(Batch(time_ms=number, failures=(made.failure(number), made.failure(0))))
    assert store.failures(RUN_ID) == [made.failure(n) for n in reversed(range(40))]
    assert store.failures(RUN_ID, limit=3) == [made.failure(n) for n in (39, 38, 37)]


def test_of_too_many_events_the_newest_stay(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drsquirrel.store.writing.EVENTS_PER_SUBJECT", 10)
    for number in [*range(30), 3]:
        store.write(Batch(time_ms=number, failures=(made.failure(number),)))
    assert store.failures(RUN_ID) == [made.failure(n) for n in reversed(range(20, 30))]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_completed_checkpoint_replaces_itself_in_progress_in_any_order(
    store: Store, order: tuple[int, int]
) -> None:
    states: tuple[CheckpointEvent, ...] = (
        made.checkpoint(7, "IN_PROGRESS"),
        made.checkpoint(7, "COMPLETED"),
    )
    for time_ms, index in enumerate(order):
        store.write(Batch(time_ms=time_ms, checkpoints=(states[index],)))
    assert store.checkpoints(RUN_ID) == [states[1]]


def test_a_change_of_a_container_is_found_by_the_container(store: Store) -> None:
    gone = made.container_change(1)
    store.write(Batch(time_ms=1, changes=(gone, made.change(2))))
    assert store.changes(container_id(CLUSTER, "tm-1")) == [gone]
    assert store.changes(RUN_ID) == [made.change(2)]


def test_reading_goes_on_at_the_latest_offset_of_each_partition(store: Store) -> None:
    offsets = [(Offset("a", 0, 7), Offset("b", 0, 1)), (Offset("a", 0, 3), Offset("a", 1, 2))]
    for number, some in enumerate(offsets):
        store.write(Batch(time_ms=START_MS + number, offsets=some))
    assert set(store.offsets()) == {Offset("a", 0, 7), Offset("b", 0, 1), Offset("a", 1, 2)}


def test_facts_and_memory_are_the_latest(store: Store) -> None:
    for time_ms in (1, 3, 2):
        store.write(
            Batch(
                time_ms=time_ms,
                job_facts=(made.job_facts(f"s{time_ms}"),),
                containers=(made.container(slots=time_ms), made.container("tm-0")),
                memories=(Memory(run=RUN_ID, body=bytes([time_ms])),),
            )
        )
    assert store.job_facts(RUN_ID) == made.job_facts("s3")
    assert store.container_facts(CLUSTER) == [made.container("tm-0"), made.container(slots=3)]
    assert store.memory(RUN_ID) == b"\x03"


def test_a_run_is_listed_with_its_last_state_and_version(store: Store) -> None:
    ended = made.run(state="FINISHED", end_ms=START_MS + 5)
    store.write(Batch(time_ms=1, runs=(made.run(),), job_facts=(made.job_facts(),)))
    store.write(Batch(time_ms=2, runs=(ended,)))
    (stored,) = store.runs(CLUSTER)
    assert stored.seen == ended
    assert (stored.id, stored.job_id) == (RUN_ID, JOB_ID)
    assert (stored.first_seen_ms, stored.last_seen_ms) == (1, 2)
    assert stored.flink_version == "2.3.0"


LATER_MS = START_MS + HOUR_MS


@pytest.mark.parametrize(
    ("runs", "verdicts", "shown"),
    [
        pytest.param(
            (made.run(), made.run("b" * 32, LATER_MS)),
            (Verdict.FAILING, Verdict.HEALTHY),
            0,
            id="the worse of two that live",
        ),
        pytest.param(
            (made.run(), made.run("b" * 32, LATER_MS)),
            (Verdict.HEALTHY, None),
            1,
            id="not yet judged is worse than healthy",
        ),
        pytest.param(
            (made.run(state="FAILED", end_ms=1), made.run("b" * 32, LATER_MS)),
            (Verdict.FAILING, Verdict.HEALTHY),
            1,
            id="the one that lives",
        ),
        pytest.param(
            (
                made.run(state="FAILED", end_ms=LATER_MS),
                made.run("b" * 32, LATER_MS, state="FINISHED", end_ms=LATER_MS),
            ),
            (Verdict.ENDED, Verdict.ENDED),
            1,
            id="the latest of those that ended",
        ),
    ],
)
def test_the_run_shown_for_a_job_is(
    store: Store, runs: tuple[RunSeen, ...], verdicts: tuple[Verdict | None, ...], shown: int
) -> None:
    ids = [run_id(r.cluster, r.job, r.start_ms) for r in runs]
    reports = tuple(
        made.report(verdict=v, run=i) for i, v in zip(ids, verdicts, strict=True) if v is not None
    )
    store.write(Batch(time_ms=1, runs=runs, reports=reports))
    assert store.run_of_job(JOB_ID) == ids[shown]
    assert store.run_of_job("unknown") is None


def test_a_run_that_vanished_without_an_end_is_not_shown_for_one_that_is_there(
    store: Store,
) -> None:
    now, failing = made.run("b" * 32, START_MS - HOUR_MS), made.report(verdict=Verdict.FAILING)
    store.write(Batch(time_ms=START_MS, runs=(made.run(), now)))
    store.write(Batch(time_ms=START_MS + 10_000, runs=(now,), reports=(failing,)))
    assert store.run_of_job(JOB_ID) == RUN_ID, "it may have been missed once"
    store.write(Batch(time_ms=START_MS + 61_000, runs=(now,)))
    assert store.run_of_job(JOB_ID) == run_id(now.cluster, now.job, now.start_ms)


def test_a_constant_flink_job_id_leads_to_the_latest_start(store: Store) -> None:
    old, new = made.run(state="FAILED", end_ms=LATER_MS), made.run(start_ms=LATER_MS)
    store.write(Batch(time_ms=1, runs=(new, old)))
    assert store.run_of_flink_job(JOB) == run_id(CLUSTER, JOB, LATER_MS)
    assert store.run_of_flink_job("c" * 32) is None


def test_an_hour_keeps_its_worst_verdict_and_the_latest_cause_of_it(store: Store) -> None:
    judged = (
        (Verdict.FAILING, "slow-sink"),
        (Verdict.FAILING, "data-skew"),
        (Verdict.HEALTHY, ""),
    )
    for minute, (verdict, cause) in enumerate(judged):
        made_ms = START_MS + minute * 60_000
        store.write(Batch(time_ms=made_ms, reports=(made.report(made_ms, verdict, cause),)))
    store.write(Batch(time_ms=LATER_MS, reports=(made.report(LATER_MS, Verdict.HEALTHY),)))
    hours = [(h.hour_ms, h.verdict, h.cause) for h in store.hours(RUN_ID)]
    assert hours == [
        (LATER_MS, Verdict.HEALTHY, ""),
        (START_MS, Verdict.FAILING, "data-skew"),
    ]


def test_an_incident_is_kept_as_last_told_after_it_left_the_report(store: Store) -> None:
    open_one, over = made.incident(START_MS), made.incident(START_MS, START_MS + 9)
    for number, incidents in enumerate(((open_one,), (over,), ())):
        made_ms = START_MS + number
        store.write(Batch(time_ms=made_ms, reports=(made.report(made_ms, incidents=incidents),)))
    assert store.incidents(RUN_ID) == [over]


def test_a_batch_that_cannot_be_written_leaves_nothing_of_itself(store: Store) -> None:
    store.write(made.tick(1))
    before = made.everything(store)
    unwritable = replace(made.tick(2), memories=(Memory(run=RUN_ID, body=None),))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        store.write(unwritable)
    assert made.everything(store) == before
    store.write(made.tick(2))
    assert store.memory(RUN_ID) == b"memory 2"


@pytest.mark.parametrize(
    "batch",
    [
        pytest.param(Batch(time_ms=2**80, job_list=b"[]"), id="a time beyond all"),
        pytest.param(Batch(time_ms=1, offsets=(Offset("a", 0, 2**80),)), id="an offset beyond all"),
        pytest.param(Batch(time_ms=1, runs=(made.run(name="\ud800"),)), id="half a character"),
    ],
)
def test_what_no_store_can_hold_is_no_error_of_the_store(store: Store, batch: Batch) -> None:
    store.write(made.tick(1))
    before = made.everything(store)
    with pytest.raises(Exception, match=r".") as caught:
        store.write(batch)
    assert not isinstance(caught.value, StoreError)
    assert made.everything(store) == before
    store.write(made.tick(2))
    assert store.memory(RUN_ID) == b"memory 2"


def test_threads_read_while_one_writes_and_see_whole_batches_only(store: Store) -> None:
    store.write(made.tick(0))
    torn: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            first = int((store.memory(RUN_ID) or b"memory -1")[7:])
            (newest,) = store.failures(RUN_ID, 1)
            last = int((store.memory(RUN_ID) or b"memory -1")[7:])
            if not first <= (newest.time_ms - START_MS) // 1000 <= last:
                torn.append((first, newest.time_ms, last))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(1, 60):
        store.write(made.tick(number))
    done.set()
    for reader in readers:
        reader.join()
    assert not torn


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Batch], list[Batch]]:
    """Batches of successive ticks, and the same with earlier ones written again in between."""
    once: list[Batch] = []
    again: list[Batch] = []
    for number in range(draw(st.integers(1, 6))):
        batch = made.tick(number, logs=draw(st.sampled_from([0, 1, 7, 300])))
        for part in draw(st.sets(st.sampled_from(["runs", "snapshots", "reports", "job_facts"]))):
            batch = replace(batch, **{part: ()})  # type: ignore[arg-type]
        late = draw(st.lists(st.integers(-2000, 2000), max_size=5))
        batch = replace(
            batch,
            logs=tuple(draw(st.permutations(batch.logs[:7])))
            + batch.logs[7:]
            + tuple(made.log(n, container="tm-2") for n in late),
            snapshots=tuple(
                made.snapshot(s.window_ms, draw(st.integers(0, 3)), s.subject.container)
                for s in batch.snapshots
            ),
        )
        once.append(batch)
        again.append(batch)
        again += draw(st.lists(st.sampled_from(once), max_size=3))
    return once, again


@pytest.mark.timeout(600)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(histories())
def test_batches_written_again_at_any_later_time_change_nothing(
    opener: Opener, history: tuple[list[Batch], list[Batch]]
) -> None:
    with TemporaryDirectory() as directory:
        contents = []
        for index, batches in enumerate(history):
            store = opener(Path(directory) / str(index), Retention())
            for batch in batches:
                store.write(batch)
            contents.append(made.everything(store))
            store.close()
    assert contents[0] == contents[1]


def test_whoever_claims_a_part_is_the_only_one_who_writes_about_it(store: Store) -> None:
    first, other = store.claim(0, 2), store.claim(1, 2)
    store.write(replace(made.tick(0), claim=first))
    second = store.claim(0, 2)
    assert second.term > first.term
    before = made.everything(store)
    with pytest.raises(FencedError):
        store.write(replace(made.tick(1), claim=first))
    assert made.everything(store) == before
    store.write(replace(made.tick(2), claim=second))
    store.write(Batch(time_ms=START_MS + 20_001, job_list=b"other", claim=other))
    assert [page.body for page in store.job_lists()] == [made.tick(2).job_list, b"other"]


def test_what_was_listed_of_parts_that_are_no_more_is_gone(store: Store) -> None:
    claims = [store.claim(part, 3) for part in range(3)]
    for claim in claims:
        store.write(Batch(time_ms=START_MS, job_list=b"%d" % claim.part, claim=claim))
    again = store.claim(0, 1)
    assert [page.body for page in store.job_lists()] == [b"0"]
    for claim in claims:
        with pytest.raises(FencedError):
            store.write(Batch(time_ms=START_MS + 1, job_list=b"late", claim=claim))
    store.write(Batch(time_ms=START_MS + 2, job_list=b"new", claim=again))
    assert [page.body for page in store.job_lists()] == [b"new"]


def test_a_claim_of_a_part_that_was_gone_meanwhile_is_no_claim_any_more(store: Store) -> None:
    before = store.claim(1, 2)
    store.claim(0, 1)
    after = store.claim(1, 2)
    with pytest.raises(FencedError):
        store.write(Batch(time_ms=START_MS, job_list=b"late", claim=before))
    store.write(Batch(time_ms=START_MS + 1, job_list=b"new", claim=after))
