"""Log lines of a run and of its processes, out of a real store."""

from pathlib import Path

import msgspec
import pytest

from drsquirrel.diagnose.strip import SHOWN_CONTAINERS
from drsquirrel.model.event import LogEvent, Origin
from drsquirrel.model.report import LogList
from drsquirrel.store.interface import Batch, RenderedReport, Retention
from drsquirrel.store.sqlite import SqliteStore
from drsquirrel.stored_pages import StoredPages
from tests.diagnose.seen import CLUSTER
from tests.diagnose.sim import Sim


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
