"""What a JVM says of itself by jcmd."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from demo import jvm

OURS = re.compile(r"drsquirrel")


def jcmd(pid: int, *command: str) -> str:
    beside = Path(jvm.java()).with_name("jcmd")
    program = str(beside) if beside.exists() else shutil.which("jcmd")
    if program is None:
        pytest.skip("there is no jcmd, which a JDK has")
    return subprocess.run(
        [program, str(pid), *command], capture_output=True, text=True, check=True
    ).stdout


def threads(pid: int) -> list[str]:
    """The names of our threads, and of Kafka's for us."""
    names = re.findall(r'^"(.+)" #\d+', jcmd(pid, "Thread.print"), re.MULTILINE)
    return [name for name in names if OURS.search(name)]


def instances(pid: int) -> dict[str, int]:
    """How many there are of each class once what is not used has been collected."""
    lines = jcmd(pid, "GC.class_histogram").splitlines()
    rows = [line.split() for line in lines]
    return {row[3]: int(row[1]) for row in rows if len(row) > 3 and row[0][:-1].isdigit()}
