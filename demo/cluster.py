"""A Flink session cluster on this machine, started and ended by its own command lines."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

from demo import jvm
from demo.child import Child, Children, end
from demo.flink_home import flink_home
from demo.port import free_port
from demo.rest import FlinkError, Rest
from demo.saying import Say, silent

JAR = Path(__file__).parent / "jobs" / "shop-jobs.jar"
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 8.0
POLL_S = 0.25


class Cluster:
    """One JobManager and some TaskManagers on 127.0.0.1; a context manager that leaves nothing.

    The JVMs end with this process however it ends, kill -9 included. `heap_mb` and
    `metaspace_mb` are of each TaskManager; `jvm_args` are more arguments for the JVM of the
    TaskManager of that index; `plugins` are jars by the names of their folders, `lib` more jars
    for lib/, `opt` the folder of what else Flink brings. With `application`, a main class and its
    arguments, it runs nothing else.
    """

    def __init__(
        self,
        version: str = "2.3.0",
        *,
        taskmanagers: int = 2,
        slots: int = 8,
        heap_mb: int = 256,
        metaspace_mb: int = 128,
        collector: str = "G1",
        fast_start: bool = False,
        config: Mapping[str, str] | None = None,
        jvm_args: Mapping[int, Sequence[str]] = MappingProxyType({}),
        plugins: Mapping[str, Path] = MappingProxyType({}),
        lib: Sequence[Path] = (),
        opt: Path | None = None,
        application: Sequence[str] = (),
        java_11: Path | None = None,
        progress: Say = silent,
    ) -> None:
        self.version = version
        self.slots = slots
        self._first_taskmanagers = taskmanagers
        self._memory = jvm.Memory(heap=heap_mb, metaspace=metaspace_mb)
        self._lib = tuple(lib)
        self._opt = opt
        self._application = tuple(application)
        # Whoever plans a job loads as many classes as whoever runs it.
        self._jobmanager_memory = jvm.Memory(
            heap=320, network=0, managed=0, metaspace=256 if application else 128
        )
        self._java = java_11
        self._jvm_args = [jvm.COLLECTORS[collector]]
        if java_11 is None:
            self._jvm_args.append("-Djava.security.manager=allow")  # which 11 takes for a class
        if fast_start:
            self._jvm_args += ["-XX:TieredStopAtLevel=1"]
        self._taskmanager_args = dict(jvm_args)
        self._extra = dict(config or {})
        self._plugins = dict(plugins)
        self._progress = progress
        self._jobmanager: Child | None = None
        self.taskmanagers: list[Child] = []
        self._jar_id: str | None = None
        self._children = Children()

    def __enter__(self) -> "Cluster":
        self._home = flink_home(self.version)
        self.folder = Path(tempfile.mkdtemp(prefix="demo-flink-"))
        try:
            for name in ("log", "tmp", "plugins"):
                (self.folder / name).mkdir()
            for name, jar in self._plugins.items():
                (self.folder / "plugins" / name).mkdir()
                shutil.copy(jar, self.folder / "plugins" / name)
            self.rest = Rest(f"http://127.0.0.1:{free_port()}")
            self._config = self._options()
            self._conf = self._write_configuration("conf", {})
            began = time.monotonic()
            self._progress(f"starting Flink {self.version} at {self.url}")
            self._jobmanager = self._start_jobmanager()
            for _ in range(self._first_taskmanagers):
                self.start_taskmanager()
            self.wait_registered()
            self._progress(f"Flink runs, after {time.monotonic() - began:.1f} s")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every process, politely first, and remove the folder."""
        end([p for p in (self._jobmanager, *self.taskmanagers) if p is not None], STOP_TIMEOUT_S)
        self._children.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self) -> str:
        return self.rest.url

    @property
    def pids(self) -> dict[str, int]:
        """The living processes by name: jobmanager, taskmanager-0, taskmanager-1, …"""
        named = {"jobmanager": self._jobmanager}
        named.update({f"taskmanager-{i}": p for i, p in enumerate(self.taskmanagers)})
        return {name: p.pid for name, p in named.items() if p is not None and p.poll() is None}

    def start_taskmanager(self, config: Mapping[str, str] | None = None) -> int:
        """Start one more TaskManager; returns its index, at once. `config` comes over that of the
        cluster, for this one."""
        index = len(self.taskmanagers)
        own = self._write_configuration(f"conf-{index}", config) if config else self._conf
        command = self._command(
            f"taskmanager-{index}",
            jvm.TASKMANAGER,
            [*self._memory.taskmanager_jvm(), *self._taskmanager_args.get(index, ())],
            self._memory.taskmanager_options(self.slots),
            own,
        )
        self.taskmanagers.append(self._start(f"taskmanager-{index}", command))
        return index

    def kill_taskmanager(self, index: int, number: int = signal.SIGKILL) -> None:
        """Send the signal and wait for the end of the process."""
        self.taskmanagers[index].send_signal(number)
        self.taskmanagers[index].wait(START_TIMEOUT_S)

    def pause_taskmanager(self, index: int) -> None:
        self.taskmanagers[index].send_signal(signal.SIGSTOP)

    def resume_taskmanager(self, index: int) -> None:
        self.taskmanagers[index].send_signal(signal.SIGCONT)

    def restart_jobmanager(self, number: int = signal.SIGKILL) -> None:
        """End the JobManager and start it again at the same address; its jobs are lost."""
        if self._jobmanager is not None:
            self._jobmanager.send_signal(number)
            self._jobmanager.wait(START_TIMEOUT_S)
        self._jar_id = None
        self._jobmanager = self._start_jobmanager()
        self.wait_registered()

    def wait_registered(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until REST answers and counts as many TaskManagers as there are processes.

        It counts one that was killed until Flink has noticed.
        """
        deadline = time.monotonic() + timeout_s
        said = -1
        while True:
            expected = sum(p.poll() is None for p in self.taskmanagers)
            registered = self._registered()
            if registered >= expected:
                return
            if registered != said:
                self._progress(f"TaskManagers registered: {max(registered, 0)} of {expected}")
                said = registered
            self._check_alive()
            if time.monotonic() > deadline:
                raise TimeoutError(f"Flink did not start in {timeout_s:.0f} s:\n{self.log_tail()}")
            time.sleep(POLL_S)

    def run(
        self,
        job_class: str,
        *,
        name: str,
        args: Sequence[str] = (),
        parallelism: int = 1,
        config: Mapping[str, str] | None = None,
    ) -> str:
        """Submit a job of the demo's jar; returns its id once Flink has accepted it."""
        if self._jar_id is None:
            self._jar_id = self.rest.upload(JAR)
        answer = self.rest.post(
            f"/jars/{self._jar_id}/run",
            {
                "entryClass": job_class,
                "programArgsList": list(args),
                "parallelism": parallelism,
                "flinkConfiguration": {"pipeline.name": name, **(config or {})},
            },
        )
        return str(answer["jobid"])

    def cancel(self, job_id: str) -> None:
        """Cancel a job and wait until it is over."""
        self.rest.patch(f"/jobs/{job_id}?mode=cancel")
        self._wait_for(lambda: self.job(job_id)["state"] == "CANCELED", 60, f"end of {job_id}")

    def job(self, job_id: str) -> Any:
        return self.rest.get(f"/jobs/{job_id}")

    def wait_running(self, job_id: str, timeout_s: float = 60) -> None:
        """Wait until every vertex of the job runs (or has finished)."""

        def running() -> bool:
            job = self.job(job_id)
            if job["state"] == "FAILED":
                raise FlinkError(f"job {job['name']} failed")
            states = {vertex["status"] for vertex in job["vertices"]}
            return bool(states) and states <= {"RUNNING", "FINISHED"}

        self._wait_for(running, timeout_s, f"job {job_id} to run")

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of every process's log and output, for error messages."""
        parts = []
        for path in sorted((self.folder / "log").iterdir()):
            tail = path.read_text(errors="replace").splitlines()[-lines:]
            parts.append("\n  ".join([f"{path.name}:", *tail]))
        return "\n".join(parts)

    def _wait_for(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {timeout_s:.0f} s for {what}")
            time.sleep(POLL_S)

    def _registered(self) -> int:
        """How many TaskManagers REST counts; -1 while it does not answer."""
        try:
            return int(self.rest.get("/overview", timeout_s=5)["taskmanagers"])
        except (OSError, FlinkError):
            return -1

    def _check_alive(self) -> None:
        for process in (self._jobmanager, *self.taskmanagers):
            if process is not None and process.poll() not in (None, -signal.SIGKILL):
                raise RuntimeError(f"a Flink process ended at once:\n{self.log_tail()}")

    def _options(self) -> dict[str, str]:
        return {
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.rpc.port": str(free_port()),
            "jobmanager.bind-host": "127.0.0.1",
            "taskmanager.host": "127.0.0.1",
            "taskmanager.bind-host": "127.0.0.1",
            "rest.address": "127.0.0.1",
            "rest.bind-address": "127.0.0.1",
            "rest.port": self.url.rpartition(":")[2],
            "io.tmp.dirs": str(self.folder / "tmp"),
            "jobmanager.memory.process.size": f"{self._jobmanager_memory.process}m",
            "taskmanager.memory.process.size": f"{self._memory.process}m",
            "taskmanager.numberOfTaskSlots": str(self.slots),
            # Use all TaskManagers, not one after the other (Flink up to 1.18, from 1.19 on).
            "cluster.evenly-spread-out-slots": "true",
            "taskmanager.load-balance.mode": "SLOTS",
            # All start at once: a TaskManager that is first shall not wait 10 s to try again. (ms)
            "cluster.registration.error-delay": "500",
            # Where the machine is busy, a task that is first waits for those it reads from. (ms)
            "taskmanager.network.request-backoff.max": "60000",
            **self._extra,
        }

    def _start_jobmanager(self) -> Child:
        memory = self._jobmanager_memory
        command = self._command(
            "jobmanager",
            jvm.APPLICATION if self._application else jvm.JOBMANAGER,
            memory.jobmanager_jvm(),
            memory.jobmanager_options(),
            self._conf,
        )
        if self._application:
            main_class, *words = self._application
            command += ["--job-classname", main_class, *words]
        return self._start("jobmanager", command)

    def _write_configuration(self, name: str, over: Mapping[str, str]) -> Path:
        conf = self.folder / name
        jvm.write_configuration(conf, self.version, {**self._config, **over})
        return conf

    def _command(
        self,
        name: str,
        main_class: str,
        jvm_args: list[str],
        options: dict[str, str],
        conf: Path,
    ) -> list[str]:
        return jvm.command(
            main_class,
            self._home,
            conf,
            self.folder / "log" / f"{name}.log",
            [*self._jvm_args, f"-Djava.io.tmpdir={self.folder / 'tmp'}", *jvm_args],
            options,
            self._java,
            self._lib,
        )

    def _start(self, name: str, command: list[str]) -> Child:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("FLINK_")}
        environment["FLINK_PLUGINS_DIR"] = str(self.folder / "plugins")
        if self._opt:
            environment["FLINK_OPT_DIR"] = str(self._opt)
        output = self.folder / "log" / f"{name}.out"
        return self._children.start(command, output, environment, self.folder)
