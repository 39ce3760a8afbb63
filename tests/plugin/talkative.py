"""The job of Talkative.java: its user code logs, fails and tells secrets."""

from pathlib import Path

from demo.cluster import Cluster
from demo.jobs import build
from demo.scenarios import CONFIG

SOURCE = Path(__file__).parent / "Talkative.java"
JOB = "talkative"
FAILS_AT = 120


def compiled(folder: Path) -> Path:
    """Its jar, for every version of Flink."""
    jar = folder / "talkative.jar"
    build.write_jar(build.compile_classes([SOURCE], "1.18.1"), jar)
    return jar


def submit(cluster: Cluster, jar: Path, secret: str) -> str:
    """Start it; returns its id."""
    run = {
        "entryClass": SOURCE.stem,
        "programArgsList": ["--password", secret, "--fails-at", str(FAILS_AT)],
        "flinkConfiguration": {**CONFIG, "pipeline.name": JOB},
    }
    return str(cluster.rest.post(f"/jars/{cluster.rest.upload(jar)}/run", run)["jobid"])
