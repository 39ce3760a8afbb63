"""Log lines of a run and of its processes, out of a real store."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from drsquirrel.diagnose.strip import SHOWN_CONTAINERS
from drsquirrel.model.event import LogEvent, Origin
from drsquirrel.model.report import JobList, LogList, YarnRow
from drsquirrel.on_desk import worst_first
from drsquirrel.store.interface import Batch, RenderedReport, Retention
from drsquirrel.store.sqlite import SqliteStore
from drsquirrel.stored_pages import StoredPages, joined
from tests.diagnose.seen import CLUSTER
from tests.diagnose.sim import Sim
from tests.show.page.fixtures import job_list


def listed(folder: Path, sim: Sim) -> LogList:
    """What is listed of a run of which each TaskManager has logged one line just now."""
    store = SqliteStore(folder, Retention())
    run = sim.of_run
    assert run.report is not None
    lines = [
        LogEvent(
            origin=Origin(
                cluster=CLUSTER, producer="plugin", epoch="p", sequence=1, container=container
            ),
            time_ms=sim.clock_ms,
            level="ERROR",
            logger="l",
            message="the disk is slow",
        )
        for container in sim.taskmanagers
    ]
    report = RenderedReport(report=run.report, body=msgspec.json.encode(run.report))
    batch = Batch(time_ms=sim.clock_ms, runs=(run.seen,), logs=tuple(lines), reports=(report,))
    store.write(batch)
    page = StoredPages(store, str, lambda: None).logs(run.id)
    store.close()
    assert page is not None
    return msgspec.json.decode(page.body, type=LogList)


@pytest.mark.parametrize("ahead_s", [0, 86_400, -86_400])
def test_lines_of_processes_are_there_whatever_the_jobmanagers_clock_says(
    tmp_path: Path, ahead_s: int
) -> None:
    sim = Sim(clock_ahead_s=ahead_s)
    sim.run(120)
    found = listed(tmp_path, sim)
    assert {line.container for line in found.lines} == {*sim.taskmanagers}
    assert found.complete


def test_where_not_all_processes_are_shown_it_is_said_that_lines_are_missing(
    tmp_path: Path,
) -> None:
    many = tuple(f"tm-{n:02}" for n in range(SHOWN_CONTAINERS + 20))
    sim = Sim(taskmanagers=many, parallelism=len(many))
    sim.run(120)
    found = listed(tmp_path, sim)
    assert 0 < len(found.lines) < len(many)
    assert not found.complete


def part(made_ms: int, *names: str, kafka_says: str = "") -> JobList:
    listed = job_list()
    rows = [row for row, name in zip(listed.jobs, names, strict=False)]
    clusters = [replace(listed.clusters[0], id=name) for name in names]
    yarn = YarnRow(url="http://rm:8088", found=3)
    return JobList(
        made_ms=made_ms, jobs=rows, clusters=clusters, yarns=[yarn], kafka_says=kafka_says
    )


def test_the_lists_of_all_parts_are_one_as_old_as_the_oldest_that_watches_something(
    tmp_path: Path,
) -> None:
    store = SqliteStore(tmp_path, Retention())
    pages = StoredPages(store, str, lambda: None)
    parts = (part(7, "b", "c"), part(9, "a", kafka_says="Kafka hangs."), part(5))
    parts[0].yarns = [YarnRow(url="http://rm:8088", found=3, says="1 is left out.")]
    for number, listed in enumerate(parts):
        claim = store.claim(number, len(parts))
        store.write(Batch(time_ms=number, job_list=msgspec.json.encode(listed), claim=claim))
    page = pages.jobs()
    assert page is not None
    found = msgspec.json.decode(page.body, type=JobList)
    assert (found.made_ms, found.kafka_says) == (7, "Kafka hangs.")
    assert found.yarns == parts[0].yarns, "one of the parts leaves some of its own out"
    assert [cluster.id for cluster in found.clusters] == ["a", "b", "c"]
    rows = [row for listed in parts for row in listed.jobs]
    assert found.jobs == sorted(rows, key=worst_first)
    assert pages.jobs() is page, "it is joined anew only when a part has changed"
    store.write(Batch(time_ms=10, job_list=msgspec.json.encode(part(11)), claim=claim))
    assert pages.jobs() is not page
    store.close()


def test_a_part_in_the_form_of_another_release_is_left_out(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, Retention())
    of_another = b'{"made_ms":1,"jobs":[{"of":"another release"}],"clusters":[]}'
    for number, body in enumerate((of_another, msgspec.json.encode(part(7, "b")))):
        claim = store.claim(number, 2)
        store.write(Batch(time_ms=number, job_list=body, claim=claim))
    page = StoredPages(store, str, lambda: None).jobs()
    store.close()
    assert page is not None
    assert msgspec.json.decode(page.body, type=JobList) == part(7, "b")


def test_a_cluster_that_has_moved_to_another_part_is_there_once() -> None:
    listed = job_list()
    [row] = listed.jobs[:1]
    before, after = (
        replace(part(made_ms, row.job.cluster), jobs=[replace(row, headline=headline)])
        for made_ms, headline in ((7, "before"), (9, "after"))
    )
    for lists in ((before, after), (after, before)):
        body = msgspec.json.encode(joined(map(msgspec.json.encode, lists)))
        found = msgspec.json.decode(body, type=JobList)
        assert [cluster.id for cluster in found.clusters] == [row.job.cluster]
        assert [job.headline for job in found.jobs] == ["after"] and found.made_ms == 9
