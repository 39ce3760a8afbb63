"""An app that watches nothing yet but what YARN may tell of."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec.structs import replace

from drsquirrel.app import SNAPSHOT_EVERY_MS, App
from drsquirrel.database import retention
from drsquirrel.desk import Desk
from drsquirrel.model.event import Values
from drsquirrel.model.report import YarnRow
from drsquirrel.settings import Settings
from drsquirrel.store.sqlite import SqliteStore
from tests.collect.flink_rest.clock import HandClock
from tests.simulation import RULES
from tests.watch.made import report


async def test_while_no_application_runs_what_was_read_is_stored_all_the_same(
    tmp_path: Path,
) -> None:
    store = SqliteStore(tmp_path, retention(Settings()))
    thread, clock, desk = ThreadPoolExecutor(1), HandClock(), Desk(RULES)
    app = App(Settings(), desk, store, clock, thread)
    desk.add_cluster("application_1_0001", 10_000, dumps_allowed=False)
    told = report(1, clock.now_ms(), Values({"Status.JVM.CPU.Time": 1}), job="")
    told = replace(told, origin=replace(told.origin, cluster="application_1_0001"))
    row = YarnRow(url="http://rm:8088", found=0)
    await app.note_search(row)
    desk.hear("application_1_0001", [(clock.now_ms(), told)], clock.now_ms())
    await app.note_search(row)
    assert [*store.load_hour("application_1_0001", 0)] == []
    clock.pass_ms(SNAPSHOT_EVERY_MS)
    await app.note_search(row)
    assert len([*store.load_hour("application_1_0001", 0)]) == 1
    thread.shutdown()
    store.close()
