"""Our plugin for the demo's clusters: built by Maven, and what Flink is told of it."""

import subprocess
from pathlib import Path

PLUGIN = Path(__file__).parents[1] / "plugin"
JAR = PLUGIN / "target" / "drsquirrel-flink-0.1.0.jar"
PACKAGE = "io.drsquirrel.flink"


def build() -> Path:
    """Build the jar, its unit tests included; raises RuntimeError with what Maven said."""
    done = subprocess.run(
        ["mvn", "-q", "-B", "-f", str(PLUGIN / "pom.xml"), "package"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the plugin could not be built:\n{done.stdout[-4000:]}{done.stderr}")
    return JAR


def options(cluster: str, brokers: str) -> dict[str, str]:
    """Flink's options for the plugin. What a version does not know it ignores."""
    reporter = "metrics.reporter.squirrel"
    return {
        f"{reporter}.factory.class": f"{PACKAGE}.KafkaMetricReporterFactory",
        f"{reporter}.interval": "10 SECONDS",
        f"{reporter}.cluster": cluster,
        f"{reporter}.kafka.bootstrap.servers": brokers,
        "traces.reporter.squirrel.factory.class": f"{PACKAGE}.KafkaTraceReporterFactory",
        "events.reporter.squirrel.factory.class": f"{PACKAGE}.KafkaEventReporterFactory",
        "jobmanager.failure-enrichers": f"{PACKAGE}.KafkaFailureEnricher",
    }
