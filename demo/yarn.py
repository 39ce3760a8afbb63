"""A YARN on this machine: a ResourceManager and a NodeManager on 127.0.0.1, without HDFS."""

import json
import os
import shutil
import signal
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from xml.sax.saxutils import escape

from demo import jvm
from demo.child import Child, Children, end
from demo.flink_home import cache_folder, locked
from demo.maven import maven
from demo.port import free_port
from demo.rest import DIRECT
from demo.saying import Say, silent

VERSION = "3.4.2"
POM = Path(__file__).parent / "yarn_jars" / "pom.xml"
JVM_ARGS = [
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xmx256m",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
]
SERVERS = "org.apache.hadoop.yarn.server"
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.2
MEMORY_MIB = 8192
LOG4J = """\
log4j.rootLogger = INFO, file
log4j.appender.file = org.apache.log4j.FileAppender
log4j.appender.file.File = ${hadoop.log.dir}/${hadoop.log.file}
log4j.appender.file.layout = org.apache.log4j.PatternLayout
log4j.appender.file.layout.ConversionPattern = %d{ISO8601} %p %c: %m%n
"""


def yarn_home(profile: Literal["servers", "client"], progress: Say = silent) -> Path:
    """The folder of the jars of one profile of the POM, fetched by Maven if it is not there yet."""
    home = cache_folder() / "yarn" / f"{VERSION}-{profile}"
    if home.is_dir():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with locked(home.with_name(f".{home.name}.lock"), "YARN"):
        if not home.is_dir():
            progress(f"fetching the jars of YARN {VERSION} ({profile}, 60 to 80 MB, once)")
            with tempfile.TemporaryDirectory(prefix=f".{profile}-", dir=home.parent) as staging:
                jars = Path(staging) / "jars"
                told = (f"-P{profile}", f"-DoutputDirectory={jars}")
                maven(POM, "dependency:copy-dependencies", *told)
                jars.rename(home)
    return home


class Yarn:
    """A context manager that leaves nothing. `options` come over those of yarn-site.xml."""

    def __init__(self, options: Mapping[str, str] | None = None, *, progress: Say = silent) -> None:
        self._extra = dict(options or {})
        self._progress = progress
        self._children = Children()
        self._processes: list[Child] = []

    def __enter__(self) -> Self:
        self._jars = yarn_home("servers", self._progress)
        self.folder = Path(tempfile.mkdtemp(prefix="demo-yarn-"))
        self.url = f"http://127.0.0.1:{free_port()}"
        self.node_url = f"http://127.0.0.1:{free_port()}"
        try:
            began = time.monotonic()
            self._progress(f"starting YARN {VERSION} at {self.url}")
            self._write_configuration()
            self._start("resourcemanager", "ResourceManager")
            self._start("nodemanager", "NodeManager")
            self._wait_for_node()
            self._progress(f"YARN runs, after {time.monotonic() - began:.1f} s")
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
        """End both with all containers, and remove the folder."""
        for process in self._processes:
            process.kill()  # it would wait for its containers
        end(self._processes, STOP_TIMEOUT_S)
        self._children.close()
        for pid in self.container_pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def conf(self) -> Path:
        """What HADOOP_CONF_DIR is to name."""
        return self.folder / "conf"

    def environment(self) -> dict[str, str]:
        """The environment of a client of this YARN."""
        client = yarn_home("client", self._progress)
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith(("FLINK_", "HADOOP_"))},
            "HADOOP_CONF_DIR": str(self.conf),
            "HADOOP_CLASSPATH": f"{client}/*",
            "JAVA_HOME": str(Path(jvm.java()).parents[1]),
        }

    def get(self, path: str) -> Any:
        """What the ResourceManager answers; raises OSError."""
        with DIRECT.open(f"{self.url}/ws/v1/cluster/{path}", timeout=10) as answer:
            return json.load(answer)

    def kill_application(self, id_: str) -> None:
        """Kill an application, as an operator does."""
        request = urllib.request.Request(
            f"{self.url}/ws/v1/cluster/apps/{id_}/state",
            data=b'{"state": "KILLED"}',
            method="PUT",
            headers={"Content-Type": "application/json"},
        )
        with DIRECT.open(request, timeout=10):
            pass

    def container_pids(self, container: str = "") -> list[int]:
        """The Java processes of one container, or of all."""
        marks = f"{self.folder}/logs/application_", f"/{container}"
        found = []
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = process.read_bytes().decode(errors="replace")
            except OSError:  # it has ended
                continue
            if all(mark in words for mark in marks) and "/java\0" in words:
                found.append(int(process.parent.name))
        return found

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of what both have said."""
        parts = []
        for path in sorted((self.folder / "daemons").iterdir()):
            if path.is_file():
                tail = path.read_text("utf-8", errors="replace").splitlines()[-lines:]
                parts.append("\n  ".join([f"{path.name}:", *tail]))
        return "\n".join(parts)

    def _wait_for_node(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._has_node():
            ended = any(process.poll() is not None for process in self._processes)
            if ended or time.monotonic() > deadline:
                raise RuntimeError(f"YARN did not start:\n{self.log_tail()}")
            time.sleep(POLL_S)

    def _has_node(self) -> bool:
        try:
            nodes = self.get("nodes")["nodes"]
        except OSError:
            return False
        return any(node["state"] == "RUNNING" for node in (nodes or {}).get("node", ()))

    def _start(self, name: str, main_class: str) -> None:
        logs = self.folder / "daemons"
        logs.mkdir(exist_ok=True)
        command = [
            jvm.java(),
            *JVM_ARGS,
            f"-Dhadoop.log.dir={logs}",
            f"-Dhadoop.log.file=demo-{name}.log",
            f"-Djava.io.tmpdir={self.folder}",
            "-cp",
            f"{self.conf}{os.pathsep}{self._jars}/*",
            f"{SERVERS}.{name}.{main_class}",
        ]
        environment = {**os.environ, "JAVA_HOME": str(Path(jvm.java()).parents[1])}
        output = logs / f"{name}.out"
        self._processes.append(self._children.start(command, output, environment, self.folder))

    def _write_configuration(self) -> None:
        self.conf.mkdir()
        (self.conf / "log4j.properties").write_text(LOG4J)
        core = {"fs.defaultFS": "file:///", "hadoop.tmp.dir": str(self.folder / "tmp")}
        scheduler = "yarn.scheduler.capacity"
        queues = {
            f"{scheduler}.root.queues": "default",
            f"{scheduler}.root.default.capacity": "100",
            f"{scheduler}.maximum-am-resource-percent": "0.8",
        }
        self._write("core-site", core)
        self._write("capacity-scheduler", queues)
        self._write("yarn-site", self._options())

    def _write(self, name: str, options: Mapping[str, str]) -> None:
        lines = [
            f"<property><name>{key}</name><value>{escape(value)}</value></property>\n"
            for key, value in options.items()
        ]
        (self.conf / f"{name}.xml").write_text(
            f"<configuration>\n{''.join(lines)}</configuration>\n"
        )

    def _options(self) -> dict[str, str]:
        resource, node = "yarn.resourcemanager", "yarn.nodemanager"
        rpc = ("address", "scheduler.address", "resource-tracker.address", "admin.address")
        client = yarn_home("client", self._progress)
        return {
            **{f"{resource}.{name}": f"127.0.0.1:{free_port()}" for name in rpc},
            f"{resource}.webapp.address": self.url.removeprefix("http://"),
            # An ApplicationMaster that is left behind ends soon.
            f"{resource}.connect.max-wait.ms": "30000",
            f"{node}.hostname": "127.0.0.1",
            f"{node}.address": f"127.0.0.1:{free_port()}",
            f"{node}.localizer.address": f"127.0.0.1:{free_port()}",
            f"{node}.webapp.address": self.node_url.removeprefix("http://"),
            f"{node}.resource.memory-mb": str(MEMORY_MIB),
            f"{node}.resource.cpu-vcores": "8",
            f"{node}.local-dirs": str(self.folder / "local"),
            f"{node}.log-dirs": str(self.folder / "logs"),
            f"{node}.env-whitelist": "JAVA_HOME,HADOOP_CONF_DIR",
            f"{node}.vmem-check-enabled": "false",
            f"{node}.pmem-check-enabled": "true",
            f"{node}.container-monitor.interval-ms": "1000",
            # With the default, true, there is no kill for memory at all.
            f"{node}.resource.memory.enforced": "false",
            f"{node}.disk-health-checker.max-disk-utilization-per-disk-percentage": "99.5",
            "yarn.scheduler.minimum-allocation-mb": "64",
            "yarn.application.classpath": f"{self.conf},{client}/*",
            **self._extra,
        }
