"""A simulated JobManager that answers over real HTTP, with Flink's metric store as measured.

The store is brought up to date only by a question about metrics, at most every 10 s, for the whole
cluster at once, and the question itself is still answered from the old one. What the tests change
between rounds are the fields of `Simulated`, `SimulatedJob` and `SimulatedTaskManager`.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import md5
from itertools import cycle, islice, pairwise
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from tests.collect.flink_rest.clock import HandClock
from tests.collect.flink_rest.server import serving

PRESSURED = 0.5
JVM = {
    "Status.JVM.Memory.Heap.Used": 100_000_000,
    "Status.JVM.Memory.Heap.Max": 268_435_456,
    "Status.JVM.CPU.Load": 0.5,
    "Status.JVM.GarbageCollector.G1_Young_Generation.Count": 7,
    "Status.JVM.GarbageCollector.G1_Young_Generation.Time": 70,
    "Status.JVM.GarbageCollector.All.Count": 7,
}


def id_of(name: str) -> str:
    return md5(name.encode(), usedforsecurity=False).hexdigest()


@dataclass
class SimulatedTaskManager:
    id: str
    data_port: int = 40_000
    silent_since_ms: int | None = None
    late_ms: int = 0
    """How much later its part of an update is there."""


@dataclass
class SimulatedJob:
    """A chain of vertices. Each subtask reads 10 records a second; `pressed` vertices are half of
    the time backpressured."""

    name: str
    started_ms: int
    vertices: tuple[str, ...] = ("Source: orders", "enrich", "ledger: Writer")
    parallelism: int = 2
    attempt: int = 0
    attempt_ms: int = 0
    state: str = "RUNNING"
    cached_state: str = ""
    ended_ms: int = -1
    pressed: tuple[str, ...] = ()
    busy: Any = None
    """Instead of the busy time, where set."""
    complete: bool = True
    exceptions: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    details: dict[int, dict[str, Any]] = field(default_factory=dict)
    operators: tuple[str, ...] = (
        "Source: orders.numRecordsIn",
        "Source: orders.pendingRecords",
        "ledger: Writer.numRecordsSend",
    )
    timestamps: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.attempt_ms = self.attempt_ms or self.started_ms
        self.timestamps = {"INITIALIZING": self.started_ms, "RUNNING": self.attempt_ms, "FAILED": 0}
        self.ups = [self.attempt_ms]

    @property
    def jid(self) -> str:
        return id_of(f"{self.name}{self.started_ms}")

    @property
    def vertex_ids(self) -> list[str]:
        return [id_of(v) for v in self.vertices]

    def restart(self, now_ms: int) -> None:
        """Begin another attempt of all subtasks."""
        self.attempt += 1
        self.attempt_ms = self.timestamps["RUNNING"] = now_ms
        self.ups.append(now_ms)
        self.timestamps["RESTARTING"] = now_ms - 1_000

    def end(self, state: str, now_ms: int) -> None:
        self.state, self.ended_ms = state, now_ms
        self.timestamps[state] = now_ms


class Simulated:
    """The JobManager, its TaskManagers and jobs at a HandClock's time (skewed by `skew_ms`)."""

    def __init__(self, clock: HandClock, version: str = "2.3.0") -> None:
        self.clock = clock
        self.version = version
        self.skew_ms = 0
        self.update_takes_ms = 200
        self.jobs: list[SimulatedJob] = []
        self.taskmanagers = [SimulatedTaskManager("tm-0"), SimulatedTaskManager("tm-1")]
        self.options = {"web.tmpdir": "/tmp/flink-web-1"}
        self.update_ms = 10_000
        self.url = ""
        self._began_ms = clock.now_ms() - 3_600_000
        self.asked: list[str] = []
        self.methods: set[str] = set()
        self.longest_line = 0
        self.down = False
        self.answers: dict[str, Callable[[], web.Response]] = {}
        """By path, instead of what would be answered."""
        self.hanging = ""
        """The path that is never answered."""
        self._blocked = False
        self._updates: list[tuple[int, int]] = []
        """(when it was asked for, when its values are there)."""

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms() + self.skew_ms

    def job(self, name: str = "shop", **options: Any) -> SimulatedJob:
        """Start a job that has been running for a minute."""
        job = SimulatedJob(name, options.pop("started_ms", self.now_ms - 60_000), **options)
        self.jobs.insert(0, job)
        return job

    def take_asked(self) -> list[str]:
        """The paths asked for since the last time."""
        asked, self.asked = self.asked, []
        return asked

    def restart_jobmanager(self) -> None:
        self.options["web.tmpdir"] += "'"
        self._began_ms = self.now_ms
        self.jobs.clear()
        self._updates.clear()
        self._blocked = False

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = unquote(request.path_qs)
        self.asked.append(path)
        self.methods.add(request.method)
        line = f"{request.method} {request.raw_path} HTTP/1.1\r\n"
        self.longest_line = max(self.longest_line, len(line))
        if self.down:
            return web.Response(status=503)
        if path == self.hanging:
            await asyncio.sleep(60)
        if path in self.answers:
            return self.answers[path]()
        answer = self._answer(path)
        if answer is None:
            return web.json_response(
                {"errors": [f"Unable to load requested file {path}."]}, status=404
            )
        return web.json_response(answer)

    def _answer(self, path: str) -> Any:
        fixed: dict[str, Callable[[], Any]] = {
            "/config": lambda: {"flink-version": self.version},
            "/jobs/overview": lambda: {"jobs": [self._overview(job) for job in self.jobs]},
            "/taskmanagers": lambda: {"taskmanagers": list(map(self._listed, self.taskmanagers))},
            "/jobmanager/config": lambda: [{"key": k, "value": v} for k, v in self.options.items()],
        }
        if path in fixed:
            return fixed[path]()
        if "/metrics" in path:
            return self._metrics(path)
        found = re.fullmatch(r"/jobs/([0-9a-f]{32})(/.*)?", path)
        job = next((j for j in self.jobs if found and j.jid == found[1]), None)
        return self._of_job(job, found[2] or "") if job is not None and found else None

    def _of_job(self, job: SimulatedJob, rest: str) -> Any:
        if rest == "":
            self._touch()
            return self._details(job)
        if rest == "/exceptions":
            return {"exceptionHistory": {"entries": job.exceptions, "truncated": False}}
        if rest == "/checkpoints":
            return {"counts": job.counts, "history": job.history} if job.counts else {}
        if found := re.fullmatch(r"/checkpoints/details/(\d+)(/subtasks/.*)?", rest):
            extremes = {"min": 1, "max": 9, "avg": 5, "p50": "NaN"}
            durations = {"sync": extremes, "async": extremes}
            summary = {"checkpoint_duration": durations, "start_delay": {**extremes, "max": 8000}}
            return {"summary": summary} if found[2] else job.details.get(int(found[1]))
        if found := re.fullmatch(r"/vertices/([0-9a-f]{32})", rest):
            self._touch()
            return self._vertex(job, found[1]) if found[1] in job.vertex_ids else None
        return None

    def _touch(self) -> None:
        """What every question about metrics does."""
        last_ms = self._updates[-1][0] if self._updates else -self.update_ms
        pending = bool(self._updates) and self._updates[-1][1] > self.now_ms
        if self.now_ms - last_ms > self.update_ms and not pending and not self._blocked:
            self._updates.append((self.now_ms, self.now_ms + self.update_takes_ms))
            # One that hangs keeps this update from ending, and so the next one from beginning.
            self._blocked = any(t.silent_since_ms is not None for t in self.taskmanagers)

    def _stored_ms(self, of: SimulatedTaskManager | None = None) -> int | None:
        """Of when the values in the store are: the JobManager's own, or those of a TaskManager."""
        now_ms = self.now_ms - (of.late_ms if of is not None else 0)
        if of is not None and of.silent_since_ms is not None:
            now_ms = of.silent_since_ms
        return max((at for at, ready in self._updates if ready <= now_ms), default=None)

    def resume(self) -> None:
        """Let the TaskManagers that hang go on."""
        for taskmanager in self.taskmanagers:
            taskmanager.silent_since_ms = None
        self._blocked = False

    def _overview(self, job: SimulatedJob) -> dict[str, Any]:
        end_ms = job.ended_ms if job.ended_ms > 0 else self.now_ms
        total = len(job.vertices) * job.parallelism
        return {
            "jid": job.jid,
            "name": job.name,
            "state": job.state,
            "start-time": job.started_ms,
            "end-time": job.ended_ms,
            "duration": end_ms - job.started_ms,
            "tasks": {"total": total, "running": total if job.state == "RUNNING" else 0},
        }

    def _listed(self, taskmanager: SimulatedTaskManager) -> dict[str, Any]:
        silent_ms = taskmanager.silent_since_ms
        return {
            "id": taskmanager.id,
            "path": f"pekko.tcp://flink@{taskmanager.id}:1234/user/rpc/taskmanager_0",
            "dataPort": taskmanager.data_port,
            "timeSinceLastHeartbeat": self.now_ms - 3_000 if silent_ms is None else silent_ms,
            "slotsNumber": 4,
            "freeSlots": 1,
            "hardware": {"cpuCores": 2},
            "memoryConfiguration": {"totalProcessMemory": 704_643_072},
        }

    def _details(self, job: SimulatedJob) -> dict[str, Any]:
        inputs = {b: a for a, b in pairwise(job.vertex_ids)}
        nodes = [
            {"id": id_, "inputs": [{"id": inputs[id_]}]} if id_ in inputs else {"id": id_}
            for id_ in job.vertex_ids
        ]
        return {
            "jid": job.jid,
            "name": job.name,
            "state": job.cached_state or job.state,
            "start-time": job.started_ms,
            "now": self.now_ms,
            "timestamps": job.timestamps,
            "vertices": [
                {
                    "id": id_of(name),
                    "name": name,
                    "parallelism": job.parallelism,
                    "status": "RUNNING",
                    "metrics": self._io(job, name, self._stored_ms(), job.parallelism),
                }
                for name in job.vertices
            ],
            "plan": {"type": "STREAMING", "nodes": nodes},
        }

    def _vertex(self, job: SimulatedJob, id_: str) -> dict[str, Any]:
        name = job.vertices[job.vertex_ids.index(id_)]
        subtasks = [
            {
                "subtask": index,
                "status": job.cached_state or ("RUNNING" if job.state == "RUNNING" else "CANCELED"),
                "attempt": job.attempt,
                "start-time": job.attempt_ms,
                "taskmanager-id": on.id,
                "metrics": self._io(job, name, self._stored_ms(on)),
            }
            for index, on in enumerate(islice(cycle(self.taskmanagers), job.parallelism))
        ]
        return {"id": id_, "name": name, "now": self.now_ms, "subtasks": subtasks}

    def _io(
        self, job: SimulatedJob, vertex: str, stored: int | None, subtasks: int = 1
    ) -> dict[str, Any]:
        # As on 1.18: what is stored of an earlier attempt stays until the next update.
        ran_ms = 0 if stored is None else stored - job.attempt_ms
        if ran_ms < 0:
            ran_ms = 50_000
        complete = job.complete and stored is not None
        pressed_ms = int(ran_ms * PRESSURED) if vertex in job.pressed else 0
        busy = ran_ms // 10 * subtasks if job.busy is None else job.busy
        io: dict[str, Any] = {
            "accumulated-backpressured-time": pressed_ms * subtasks,
            "accumulated-idle-time": (ran_ms - pressed_ms - ran_ms // 10) * subtasks,
            "accumulated-busy-time": busy,
        }
        for key in ("read-bytes", "write-bytes", "read-records", "write-records"):
            io[key] = ran_ms // 100 * subtasks if complete else 0
            io[f"{key}-complete"] = complete
        return io

    def _metrics(self, path: str) -> list[dict[str, Any]]:
        on = next((t for t in self.taskmanagers if path.startswith(f"/taskmanagers/{t.id}/")), None)
        stored = self._stored_ms(on)
        self._touch()
        base, _, query = path.partition("?get=")
        wanted, _, aggregated = query.partition("&agg=")
        if stored is None:
            return []
        values = self._values(base, stored)
        if not wanted:
            return [{"id": name} for name in values]
        found = [(name, values[name]) for name in wanted.split(",") if name in values]
        if aggregated:
            return [{"id": name, "sum": float(v) * 2, "max": float(v)} for name, v in found]
        return [{"id": name, "value": str(value)} for name, value in found]

    def _values(self, base: str, stored_ms: int) -> dict[str, Any]:
        job = next((j for j in self.jobs if f"/{j.jid}/" in base), None)
        if job is None:
            return {**JVM, "Status.JVM.CPU.Time": (stored_ms - self._began_ms) * 1000}
        if "/vertices/" not in base:
            running_ms = stored_ms - max((u for u in job.ups if u <= stored_ms), default=stored_ms)
            return {
                "numRestarts": job.attempt,
                "uptime": running_ms if job.state == "RUNNING" else 0,
            }
        vertex = job.vertices[job.vertex_ids.index(base.split("/")[4])]
        own = [o.replace(": ", "__") for o in job.operators if o.rpartition(".")[0] == vertex]
        names = {**dict.fromkeys(own, 5), "isBackPressured": "false", "currentInputWatermark": 1}
        if base.endswith("/subtasks/metrics"):
            return names
        return {f"{i}.{name}": v for i in range(job.parallelism) for name, v in names.items()}


@asynccontextmanager
async def simulated(clock: HandClock, version: str = "2.3.0") -> AsyncIterator[Simulated]:
    """A simulated JobManager behind a real server."""
    flink = Simulated(clock, version)
    async with serving(flink.handle) as flink.url:
        yield flink
