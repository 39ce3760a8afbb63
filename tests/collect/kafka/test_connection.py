"""What is wrong with the [kafka] table is told before anything is started."""

from pathlib import Path

import pytest

from drsquirrel.collect.kafka.connection import Access
from drsquirrel.settings import SettingsError
from tests.commands import run

HERE = str(Path(__file__))


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"brokers": " , "}, "Kafka has no address: give --kafka HOST:PORT, or brokers."),
        ({"brokers": "localhost"}, "'localhost' is no address of Kafka: give HOST:PORT"),
        ({"brokers": "a:1, http://b:2"}, "'http://b:2' is no address of Kafka"),
        ({"user": "ann"}, "Of Kafka's user and password_file one is missing: give both."),
        ({"password": "x"}, "Of Kafka's user and password_file one is missing: give both."),
        (
            {"user": "ann", "password": "x", "mechanism": "GSSAPI"},
            "Kafka's mechanism is 'GSSAPI', but must be one of SCRAM-SHA-512, SCRAM-SHA-256, "
            "PLAIN.",
        ),
        ({"ca_file": "/none"}, "Kafka's ca_file /none cannot be used (no such file or directory)"),
        ({"ca_file": HERE}, f"Kafka's ca_file {HERE} cannot be used (it holds no certificate)"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(told: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Access(**{"brokers": "h:1", **told})
    assert says in str(refused.value)


@pytest.mark.parametrize("command", [("topics", "check"), ("up", "--port", 0)])
def test_a_command_is_refused_as_for_any_wrong_setting(
    command: tuple[object, ...], tmp_path: Path
) -> None:
    config = tmp_path / "squirrel.toml"
    config.write_text(
        '[[cluster]]\nurl = "http://127.0.0.1:1"\n'
        '[kafka]\nbrokers = "127.0.0.1:1"\nmechanism = "OAUTHBEARER"\n'
    )
    done = run(*command, "--config", config, XDG_DATA_HOME=str(tmp_path))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("drsquirrel: Kafka's mechanism is 'OAUTHBEARER', but must be one of")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    "brokers",
    ["a:1", " a:1 , b-c.d:65535,", "[::1]:9092", "SASL_SSL://kafka:9093", "10.0.0.1:9092"],
)
def test_an_address_of_kafka_is_taken_as_kafka_takes_it(brokers: str) -> None:
    assert Access(brokers=brokers).brokers == brokers
