"""The jar, and that what it says is what we read."""

import subprocess
import zipfile
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from demo.jvm import java
from drsquirrel.model.event import MetricReport, Table, message_decoder

pytestmark = pytest.mark.timeout(300)
GOLDEN = Path(__file__).parents[2] / "plugin" / "target" / "golden"
KINDS = {
    "ChangeEvent": 2,
    "CheckpointEvent": 1,
    "ConfigEvent": 1,
    "ContainerEvent": 2,
    "FailureEvent": 1,
    "LogEvent": 1,
    "MetricReport": 3,
}
JAVA_8, JAVA_11 = 52, 55


def test_every_message_of_the_plugin_is_read(jar: Path) -> None:
    messages = [message_decoder.decode(f.read_bytes()) for f in sorted(GOLDEN.glob("*.json"))]
    assert Counter(type(message).__name__ for message in messages) == KINDS


def test_the_report_of_a_run_names_its_job_and_that_of_a_process_none(jar: Path) -> None:
    names = {
        file.stem: msgspec.json.decode(file.read_bytes(), type=MetricReport).job_name
        for file in GOLDEN.glob("metrics-*.json")
    }
    assert names == {"metrics-run": "orders", "metrics-job": "orders", "metrics-container": ""}


def test_nothing_is_said_that_nobody_reads(jar: Path) -> None:
    """We ignore what we do not know, so a misspelt name would be lost in silence."""
    for file in sorted(GOLDEN.glob("*.json")):
        written = msgspec.json.decode(file.read_bytes())
        read = message_decoder.decode(file.read_bytes())
        assert written.keys() - {"type"} <= {*read.__struct_fields__}, file.name
        assert written["origin"].keys() <= {*read.origin.__struct_fields__}, file.name
        for table in written.get("tables", ()):
            assert table.keys() == {*Table.__struct_fields__}, file.name


def test_the_jar_is_small_and_nothing_in_it_can_meet_another_kafka(jar: Path) -> None:
    assert jar.stat().st_size <= 8_000_000
    with zipfile.ZipFile(jar) as archive:
        names = archive.namelist()
    packages = {"/".join(name.split("/")[:3]) for name in names if name.endswith(".class")}
    assert packages == {"io/drsquirrel/flink", "com/github/luben"}
    services = {name.rpartition(".")[2] for name in names if name.startswith("META-INF/services/o")}
    assert services == {
        "EventReporterFactory",
        "FailureEnricherFactory",
        "MetricReporterFactory",
        "TraceReporterFactory",
    }


def test_what_flink_looks_up_loads_on_java_8_and_the_rest_on_11(jar: Path) -> None:
    with zipfile.ZipFile(jar) as archive:
        versions = {
            name.count("/"): int.from_bytes(archive.read(name)[6:8], "big")
            for name in archive.namelist()
            if name.startswith("io/drsquirrel/flink/")
            and name.endswith(".class")
            and "/shaded/" not in name
        }
    assert versions == {3: JAVA_8, 4: JAVA_11}


def test_the_metrics_on_its_list_are_those_we_know(jar: Path) -> None:
    known = (Path(__file__).parents[2] / "schema" / "metrics.txt").read_bytes()
    with zipfile.ZipFile(jar) as archive:
        assert archive.read("io/drsquirrel/flink/metrics.txt") == known


def test_its_options_are_in_the_documentation(jar: Path) -> None:
    main = [java(), "-cp", str(jar), "io.drsquirrel.flink.settings.Option"]
    table = subprocess.run(main, capture_output=True, text=True, check=True).stdout
    assert table in (Path(__file__).parents[2] / "docs" / "plugin.md").read_text()
