"""The commands on a real Flink: what they find, how long they take, what they keep secret."""

import asyncio
import json
import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from demo.cluster import Cluster
from demo.rest import DIRECT
from demo.scenarios import CONFIG, JOB_CLASS, SCENARIOS, submit
from drsquirrel.cluster import SystemClock, client_of
from drsquirrel.collect.recording import Header, Recorder
from drsquirrel.model.report import Report
from drsquirrel.oneshot import Look, diagnose_recording
from drsquirrel.rules.load import load
from drsquirrel.settings import Cluster as Watched
from drsquirrel.settings import Settings
from tests.commands import Done, run, started

pytestmark = pytest.mark.flink

CANARY = "c4n4ry"
SECRETS = {
    "s3.secret-key": f"{CANARY}1",
    "fs.azure.account.key.store": f"{CANARY}2",
    "containerized.taskmanager.env.DB_PASS": f"{CANARY}3",
    "env.java.opts.taskmanager": f"-Ddb.password={CANARY}4",
    "user.jdbc.url": f"jdbc:postgresql://shop:{CANARY}5@db/shop",
    "pipeline.global-job-parameters": f"api.token:{CANARY}6,region:eu",
}
LEAKY = f"to jdbc:mysql://shop:{CANARY}7@db/shop WITH ('password'='{CANARY}8')"
IN_MS = ("_ms", ".minutes", ".value")
JUDGING_MS = 2_000
NUMBER = re.compile(r"\d+")
"""In a sentence: a number that is rounded may be rounded otherwise."""


@dataclass(frozen=True)
class Looked:
    """What all commands, run at the same time on one cluster, came to."""

    healthy: Done
    loop: Done
    record: Done
    recording: Path
    live: list[Report]
    played: Path
    served: str
    data_dir: Path


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looked]:
    folder = tmp_path_factory.mktemp("commands")
    with Cluster("2.3.0", slots=16, fast_start=True, config=SECRETS) as cluster:
        ids = [submit(cluster, SCENARIOS[name]) for name in ("healthy", "restart-loop")]
        ids.append(
            cluster.run(
                JOB_CLASS,
                name="leaky",
                args=["--names", f"orders,parse,enrich,{LEAKY}"],
                config={**CONFIG, "pipeline.global-job-parameters": f"db.password:{CANARY}9"},
            )
        )
        cluster.wait_running(ids[0])
        with ThreadPoolExecutor() as pool:
            yield look(cluster.url, folder, pool)


def look(url: str, folder: Path, pool: ThreadPoolExecutor) -> Looked:
    data_dir, recording, played = folder / "data", folder / "made", folder / "played"

    healthy = pool.submit(run, "diagnose", url, "--job", "orders-enrichment")
    loop = pool.submit(run, "diagnose", url, "--job", "shipments-import", "-o", "json")
    record = pool.submit(run, "record", url, recording, "--seconds", 40)
    live: Future[list[Report]] = pool.submit(lambda: asyncio.run(recorded(url, played)))
    with started(folder / "log", "up", "--flink", url, "--port", 0, "--data-dir", data_dir) as up:
        page = up.wait_for(r"The page: (\S+)")
        made = (healthy.result(), loop.result(), record.result(), recording, live.result())
        served = everything_served(page)
        assert up.end() == 0
    return Looked(*made, played=played, served=served, data_dir=data_dir)


async def recorded(url: str, file: Path) -> list[Report]:
    """What a look says that records itself."""
    clock, cluster = SystemClock(), Watched(url=url)
    header = Header(
        drsquirrel="test",
        cluster="lab",
        flink_version="2.3.0",
        begun_ms=clock.now_ms(),
        interval_ms=10_000,
    )
    async with client_of(cluster, Settings()) as client:
        with Recorder(client, file, header, clock) as recorder:
            made = Look(recorder, clock, Settings(), load(), "lab")
            await made.until(clock.now_ms() + 45_000, settle=False)
    return made.reports()


def everything_served(page: str) -> str:
    def get(path: str) -> str:
        with DIRECT.open(page + path, timeout=10) as response:
            text: str = response.read().decode()
            return text

    listed = get("/api/v1/jobs")
    runs = [row["run"]["id"] for row in json.loads(listed)["jobs"]]
    return "\n".join((listed, get("/metrics"), *(get(f"/api/v1/runs/{r}/report") for r in runs)))


def looks(done: Done) -> int:
    """How many rounds it took: each but the last is told."""
    return done.err.count("Look ") + 1


def test_a_healthy_job_is_judged_before_the_time_is_up(looked: Looked) -> None:
    assert looked.healthy.code == 0, looked.healthy
    assert looked.healthy.out.startswith("✔ Healthy  orders-enrichment  RUNNING")
    assert looks(looked.healthy) <= 5


def test_a_sick_job_is_judged_as_soon_as_its_cause_is_sure(looked: Looked) -> None:
    report = msgspec.json.decode(looked.loop.out, type=Report)
    assert looked.loop.code == 1, looked.loop
    assert report.causes[0].code in SCENARIOS["restart-loop"].expected
    assert looks(looked.loop) <= 5


def test_a_recording_is_judged_as_the_cluster_was_when_it_was_recorded(looked: Looked) -> None:
    """But for the milliseconds that judging itself takes."""
    again = asyncio.run(diagnose_recording(looked.played, Settings(), load(), "", lambda _: None))
    live, played = msgspec.to_builtins(looked.live), msgspec.to_builtins(again)
    assert list(differences(live, played, "")) == []


def differences(a: Any, b: Any, place: str) -> Iterator[str]:
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            yield from differences(a[key], b[key], f"{place}.{key}")
    elif isinstance(a, list | tuple) and isinstance(b, list | tuple) and len(a) == len(b):
        for x, y in zip(a, b, strict=True):
            yield from differences(x, y, place)
    elif place.endswith(IN_MS) and isinstance(a, int | float) and isinstance(b, int | float):
        if abs(a - b) > JUDGING_MS:
            yield f"{place}: {a} and {b}"
    elif NUMBER.sub("", str(a)) != NUMBER.sub("", str(b)) or (a != b and not isinstance(a, str)):
        yield f"{place}: {a} and {b}"


def test_a_recording_made_by_the_command_is_judged_by_the_command(looked: Looked) -> None:
    assert looked.record.code == 0, looked.record
    assert looks(looked.record) <= 4
    played = run("diagnose", looked.recording, "-o", "json")
    reports = {r.job.name: r for r in msgspec.json.decode(played.out, type=list[Report])}
    assert set(reports) == {"orders-enrichment", "shipments-import", "leaky"}
    assert reports["shipments-import"].causes[0].code in SCENARIOS["restart-loop"].expected


def test_no_secret_of_configuration_or_arguments_gets_anywhere(looked: Looked) -> None:
    """Promise S1, with what a job can hold."""
    everything = {
        "recording": unpacked(looked.recording),
        "other recording": unpacked(looked.played),
        "database": stored(looked.data_dir),
        "served": looked.served,
        "said": str((looked.healthy, looked.loop, looked.record)),
    }
    assert "leaky" in everything["recording"] and "leaky" in everything["database"]
    hits = {where: re.findall(rf".{{60}}{CANARY}\d+", text) for where, text in everything.items()}
    assert not any(hits.values()), hits


def unpacked(file: Path) -> str:
    with zstandard.open(file, "rb", dctx=zstandard.ZstdDecompressor()) as stream:
        data: bytes = stream.read()
    assert data
    return data.decode(errors="replace")


def stored(directory: Path) -> str:
    """Every value in the database, unpacked where it is packed."""
    found: list[str] = []
    with sqlite3.connect(directory / "drsquirrel.sqlite") as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                found += map(shown, row)
    return "\n".join(found)


def shown(value: object) -> str:
    if not isinstance(value, bytes):
        return str(value)
    try:
        return zstandard.decompress(value).decode(errors="replace")
    except zstandard.ZstdError:
        return value.decode(errors="replace")
