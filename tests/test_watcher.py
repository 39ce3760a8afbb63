"""The commands for the watcher: what they say where something is missing or wrong."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from demo import watcher
from demo.broker import Broker
from demo.port import free_port
from drsquirrel import pack
from drsquirrel.settings import Kafka
from drsquirrel.watcher import CONNECTORS, jar_of, tell_of_topics
from tests.conftest import need_maven, need_pyflink


@pytest.fixture
def jars(tmp_path: Path) -> Path:
    """A folder with files that are called like the connector's."""
    for artifact in CONNECTORS:
        (tmp_path / jar_of(artifact)).touch()
    return tmp_path


def said(*words: str) -> tuple[int, str]:
    need_pyflink()
    done = watcher.watcher(*words)
    return done.returncode, done.stderr


def test_without_pyflink_it_says_how_to_get_it() -> None:
    command = [Path(sys.executable).with_name("drsquirrel"), "watcher", "plan"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "PyFlink is missing here: `pip install 'drsquirrel[watcher]'`" in done.stderr


def test_without_the_connector_it_says_how_to_get_it(tmp_path: Path) -> None:
    code, told = said("plan", "--jars", str(tmp_path))
    assert code == 2
    assert "is missing. With Maven: mvn dependency:copy -Dartifact=org.apache.flink:" in told


def test_its_plan_reads_kafka_once_and_keys_what_it_holds() -> None:
    need_maven()
    need_pyflink()
    done = watcher.watcher("plan", "--jars", str(watcher.jars()))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len([line for line in lines if "Source: KafkaSource" in line]) == 1
    assert len([line for line in lines if "PythonCalc" in line]) == 1
    [holds] = [line for line in lines if "KEYED PROCESS" in line]
    assert holds.endswith(" HASH")
    assert len([line for line in lines if ": Writer" in line]) == 2


@pytest.mark.parametrize("command", ["submit", "status", "cancel"])
def test_where_no_flink_answers_it_says_so(command: str, jars: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    more = ("--kafka", "127.0.0.1:1", "--jars", str(jars)) if command == "submit" else ()
    code, told = said(command, "--flink", url, *more)
    assert code == 3 and f"Cannot reach {url}" in told


def test_an_option_that_is_none_is_refused(jars: Path) -> None:
    words = ("--kafka", "localhost:1", "--jars", str(jars))
    code, told = said("submit", "--flink", "http://localhost:1", *words, "-D", "x")
    assert code == 2 and "-D x is no KEY=VALUE." in told
    code, told = said("submit", "--flink", "nonsense", *words)
    assert code == 2 and "nonsense is no address of a Flink REST API" in told


@pytest.mark.flink
def test_it_says_which_topics_would_let_a_wrong_clock_decide(
    broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    by_sender = {"message.timestamp.type": "CreateTime"}
    admin = AdminClient({"bootstrap.servers": broker.address})
    for made in admin.create_topics([NewTopic("sent-flink-logs", 1, 1, config=by_sender)]).values():
        made.result(30)
    tell_of_topics(Kafka(brokers=broker.address, topic_prefix="sent-"))
    told = capsys.readouterr().err
    assert "sent-flink-logs: message.timestamp.type is CreateTime, so a container with" in told
    assert "sent-job-snapshots: is not there, so what is sent to it is lost" in told


def test_the_code_that_is_sent_along_is_the_same_bytes_for_the_same_code(tmp_path: Path) -> None:
    first = pack.code(tmp_path).read_bytes()
    assert pack.code(tmp_path).read_bytes() == first
    with zipfile.ZipFile(tmp_path / "drsquirrel.zip") as packed:
        assert {"drsquirrel/flink_functions.py", "drsquirrel/watch/fold.py"} <= {*packed.namelist()}
