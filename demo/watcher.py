"""FlinkJobWatcher for the demo and the tests: its command, in an environment that has PyFlink."""

import subprocess
import sys
from pathlib import Path

from demo.flink_home import cache_folder, locked
from demo.maven import maven
from demo.plugin import PLUGIN
from demo.saying import Say, silent
from drsquirrel.watcher import CONNECTORS, jar_of

PYTHON = Path(f"{sys.prefix}-watcher", "bin", "python")
"""PyFlink brings half a gigabyte: only the watcher has it, in an environment of its own."""
MANAGED_MEMORY = {"taskmanager.memory.managed.size": "160m"}
"""Of a TaskManager; Python's functions take from it."""


def jars(progress: Say = silent) -> Path:
    """The folder of the connector's jars, fetched by Maven if they are not there yet."""
    folder = cache_folder() / "watcher"
    cache_folder().mkdir(parents=True, exist_ok=True)
    with locked(cache_folder() / ".watcher.lock", "the watcher"):
        for artifact in CONNECTORS:
            if not (folder / jar_of(artifact)).exists():
                progress("fetching Flink's connector for Kafka (18 MB, once)")
                told = (f"-Dartifact={artifact}", f"-DoutputDirectory={folder}")
                maven(PLUGIN / "pom.xml", "dependency:copy", *told)
    return folder


def watcher(*words: str) -> subprocess.CompletedProcess[str]:
    """Run `drsquirrel watcher` with these words."""
    return subprocess.run(
        [PYTHON.with_name("drsquirrel"), "watcher", *words],
        capture_output=True,
        text=True,
        check=False,
    )


def submit(flink: str, *more: str) -> str:
    """Submit the watcher to the Flink at this address, on this machine; returns the job's id.
    Raises RuntimeError with what was said."""
    words = ("--flink", flink, "--python", str(PYTHON), "--jars", str(jars()))
    done = watcher("submit", *words, *more)
    if done.returncode:
        raise RuntimeError(f"the watcher was not submitted:\n{done.stderr[-4000:]}")
    return done.stdout.strip()
