"""Our plugin for the demo's clusters: built by Maven, and what Flink is told of it."""

from pathlib import Path

from demo.flink_home import cache_folder, locked
from demo.maven import maven
from demo.saying import Say, silent
from drsquirrel.collect.kafka.connection import Access
from drsquirrel.collect.kafka.topics import Admin

PLUGIN = Path(__file__).parents[1] / "plugin"
JAR = PLUGIN / "target" / "drsquirrel-flink-0.1.0.jar"
METRICS = PLUGIN.parent / "schema" / "metrics.txt"
PACKAGE = "io.drsquirrel.flink"
PARTITIONS = 3


def build(progress: Say = silent) -> Path:
    """The jar, built with its unit tests if a source is newer; raises RuntimeError with what Maven
    said. Safe to call from several processes at once."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with locked(cache_folder() / ".plugin.lock", "the plugin"):
        if not _is_built():
            progress("building the plugin (half a minute, once)")
            maven(PLUGIN / "pom.xml", "package")
    return JAR


def _is_built() -> bool:
    sources = [PLUGIN / "pom.xml", METRICS, *(PLUGIN / "src").rglob("*.*")]
    return JAR.exists() and JAR.stat().st_mtime > max(s.stat().st_mtime for s in sources)


def make_topics(brokers: str, prefix: str = "", partitions: int = PARTITIONS) -> list[str]:
    """The topics that the plugin sends to; returns those that were missing. Raises BrokerError."""
    return Admin(Access(brokers=brokers), prefix).create(partitions, replication=1)


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
