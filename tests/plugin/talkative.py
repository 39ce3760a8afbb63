"""The job of Talkative.java: its user code logs, fails and tells secrets."""

import subprocess
import zipfile
from pathlib import Path

from demo.cluster import Cluster
from demo.flink_home import flink_home
from demo.scenarios import CONFIG

SOURCE = Path(__file__).parent / "Talkative.java"
JOB = "talkative"
FAILS_AT = 120


def compiled(folder: Path) -> Path:
    """Its jar, for every version of Flink."""
    libraries = f"{flink_home('1.18.1')}/lib/*"
    options = ["--release", "11", "-proc:none", "-cp", libraries, "-d", str(folder)]
    subprocess.run(["javac", *options, str(SOURCE)], check=True)
    jar = folder / "talkative.jar"
    with zipfile.ZipFile(jar, "w") as out:
        for path in folder.glob("*.class"):
            out.write(path, path.name)
    return jar


def submit(cluster: Cluster, jar: Path, secret: str) -> str:
    """Start it; returns its id."""
    run = {
        "entryClass": SOURCE.stem,
        "programArgsList": ["--password", secret, "--fails-at", str(FAILS_AT)],
        "flinkConfiguration": {**CONFIG, "pipeline.name": JOB},
    }
    return str(cluster.rest.post(f"/jars/{cluster.rest.upload(jar)}/run", run)["jobid"])
