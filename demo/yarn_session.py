"""A Flink session on the YARN of the demo, and jobs of the demo's jar in it."""

import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from demo import jvm
from demo.cluster import JAR
from demo.flink_home import flink_home
from demo.port import free_port
from demo.rest import FlinkError, Rest
from demo.yarn import Yarn

VERSION = "2.3.0"
CLI = "org.apache.flink.yarn.cli.FlinkYarnSessionCli"
JVM_ARGS = [*jvm.MODULE_ARGS, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
START_TIMEOUT_S = 180.0
POLL_S = 0.3
MEMORY = {
    "jobmanager.memory.process.size": "700m",
    "jobmanager.memory.jvm-metaspace.size": "128m",
    "jobmanager.memory.jvm-overhead.min": "64m",
    "taskmanager.memory.process.size": "800m",
    "taskmanager.memory.managed.size": "32m",
    "taskmanager.memory.network.min": "16m",
    "taskmanager.memory.network.max": "32m",
    "taskmanager.memory.jvm-metaspace.size": "128m",
    "taskmanager.memory.jvm-overhead.min": "64m",
}


class YarnSession:
    """A Flink session as an application of `yarn`, in which it ends. `config` comes over ours;
    `plugins` holds a folder for each of Flink's plugins."""

    def __init__(
        self,
        yarn: Yarn,
        name: str = "shop-session",
        config: Mapping[str, str] | None = None,
        plugins: Path | None = None,
    ) -> None:
        self.yarn = yarn
        self.name = name
        # On YARN Flink takes a port by itself, and only its own address takes a POST.
        self.rest = Rest(f"http://127.0.0.1:{free_port()}")
        conf = yarn.folder / f"flink-{name}"
        staging = yarn.folder / "staging"
        staging.mkdir(exist_ok=True)
        options = {
            **MEMORY,
            "taskmanager.numberOfTaskSlots": "2",
            "rest.bind-port": self.rest.url.rpartition(":")[2],
            "yarn.staging-directory": staging.as_uri(),
            "yarn.application.name": name,
            "env.java.opts.all": " ".join(JVM_ARGS),
            **(config or {}),
        }
        jvm.write_configuration(conf, VERSION, options)
        self.application = self._submit(conf, plugins)
        self._jar = ""
        self._wait_for("Flink's REST", self._answers)

    def _submit(self, conf: Path, plugins: Path | None) -> str:
        """Start the application; returns its id."""
        home = flink_home(VERSION)
        environment = self.yarn.environment()
        jars = f"{home}/lib/*:{self.yarn.conf}:{environment['HADOOP_CLASSPATH']}"
        log4j = (conf / "log4j.properties").as_uri()
        command = [
            jvm.java(),
            *JVM_ARGS,
            f"-Dlog.file={conf / 'client.log'}",
            f"-Dlog4j.configurationFile={log4j}",
            "-cp",
            jars,
            CLI,
            "--detached",
        ]
        environment |= {"FLINK_CONF_DIR": str(conf), "FLINK_LIB_DIR": f"{home}/lib"}
        if plugins is not None:
            environment["FLINK_PLUGINS_DIR"] = str(plugins)
        done = subprocess.run(
            command,
            env=environment,
            cwd=self.yarn.folder,
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_S,
            check=False,
        )
        log = conf / "client.log"
        said = f"{done.stdout}{done.stderr}{log.read_text('utf-8') if log.exists() else ''}"
        found = re.search(r"application_\d+_\d+", said)
        if done.returncode or found is None:
            raise RuntimeError(f"the session did not start:\n{said[-6000:]}")
        return found[0]

    @property
    def proxy_url(self) -> str:
        """Where the ResourceManager shows its REST."""
        return f"{self.yarn.url}/proxy/{self.application}"

    def run(
        self, job_class: str, *, name: str, args: Sequence[str] = (), parallelism: int = 1
    ) -> str:
        """Submit a job of the demo's jar, and wait until it runs; returns its id."""
        self._jar = self._jar or self.rest.upload(JAR)
        told = {
            "entryClass": job_class,
            "programArgsList": list(args),
            "parallelism": parallelism,
            "flinkConfiguration": {"pipeline.name": name},
        }
        job = str(self.rest.post(f"/jars/{self._jar}/run", told)["jobid"])
        self._wait_for(f"{name} to run", lambda: self._runs(job))
        return job

    def taskmanagers(self) -> list[str]:
        """The ids of the TaskManagers, which are those of their containers."""
        return [told["id"] for told in self.rest.get("/taskmanagers")["taskmanagers"]]

    def _runs(self, job: str) -> bool:
        vertices: Any = self.rest.get(f"/jobs/{job}")["vertices"]
        return bool(vertices) and all(v["status"] == "RUNNING" for v in vertices)

    def _answers(self) -> bool:
        try:
            self.rest.get("/overview", timeout_s=5)
        except (OSError, FlinkError):
            return False
        return True

    def _wait_for(self, what: str, condition: Any) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {START_TIMEOUT_S:.0f} s for {what}")
            time.sleep(POLL_S)
