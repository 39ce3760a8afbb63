"""compose.yaml and Dockerfile fit to each other and to the rest. Docker itself is not run here."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from demo import broker, plugin
from demo.flink_home import VERSIONS
from drsquirrel.cli import cli
from drsquirrel.settings import Settings, load

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OF_DRSQUIRREL = ("topics", "drsquirrel")
OF_FLINK = ("jobmanager", "taskmanager")
PORT = 8642


def kafkas(setting: str) -> Any:
    """A setting of the broker, as its image takes it from the environment."""
    return SERVICES["kafka"]["environment"].get("KAFKA_" + setting.upper().replace(".", "_"))


def listeners(setting: str) -> dict[str, str]:
    """The addresses of the listeners by their names."""
    return dict(at.split("://") for at in kafkas(setting).split(","))


def test_all_that_the_demo_has_is_there_and_waits_for_what_it_needs() -> None:
    assert set(SERVICES) == {"kafka", *OF_DRSQUIRREL, *OF_FLINK}
    for name, service in SERVICES.items():
        needs = service.get("depends_on", [])
        assert set(needs) <= set(SERVICES) - {name}
        for needed, how in needs.items() if isinstance(needs, dict) else ():
            has_check = "healthcheck" in SERVICES[needed]
            assert how["condition"] != "service_healthy" or has_check


def test_the_images_are_of_the_versions_that_are_tried() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{broker.VERSION}"
    stages = dict(re.findall(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, re.M))
    assert f"flink:{VERSIONS[0]}-scala_2.12-java17" in stages
    for name in (*OF_DRSQUIRREL, *OF_FLINK):
        assert SERVICES[name]["build"]["target"] in stages.values()


def test_what_the_images_are_made_of_exists_and_is_let_through() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M)
    let_through = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.M)
    names = {name for line in copied for name in line.split()}
    assert names == set(let_through)
    assert all((ROOT / name).exists() for name in names)
    assert f"target/{plugin.JAR.name} /opt/flink/plugins/drsquirrel/" in DOCKERFILE


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "drsquirrel.toml"
    file.write_text(COMPOSE["configs"]["drsquirrel"]["content"])
    return load(file, {}, {})


@pytest.mark.parametrize("name", OF_FLINK)
def test_flink_is_told_of_the_plugin_what_the_demo_tells_it(name: str, settings: Settings) -> None:
    told = yaml.safe_load(SERVICES[name]["environment"]["FLINK_PROPERTIES"])
    [cluster] = settings.cluster
    address = listeners("advertised.listeners")["CONTAINERS"]
    assert plugin.options(cluster.name, address).items() <= told.items()


def test_dr_squirrel_finds_both_at_the_ports_that_the_host_has_for_itself_alone(
    settings: Settings,
) -> None:
    assert settings.kafka is not None
    for name in OF_DRSQUIRREL:
        assert SERVICES[name]["network_mode"] == "host"
        assert "ports" not in SERVICES[name]
    published = {"kafka": settings.kafka.brokers, "jobmanager": settings.cluster[0].url}
    for name, address in published.items():
        port = address.rpartition(":")[2]
        assert SERVICES[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert listeners("advertised.listeners")["HOST"] == settings.kafka.brokers
    assert settings.port == PORT and f":{PORT}" in (ROOT / "compose.yaml").read_text()


def test_every_listener_of_kafka_has_an_address_and_a_protocol() -> None:
    names = set(listeners("listeners"))
    protocols = dict(
        pair.split(":") for pair in kafkas("listener.security.protocol.map").split(",")
    )
    assert names == set(protocols) == {*listeners("advertised.listeners"), "CONTROLLER"}
    for setting in ("listeners", "advertised.listeners"):
        ports = {name: at.rpartition(":")[2] for name, at in listeners(setting).items()}
        assert (
            ports.items()
            <= {
                "CONTROLLER": "29093",
                "CONTAINERS": "19092",
                "HOST": "9092",
            }.items()
        )


@pytest.mark.parametrize(
    "setting",
    [
        key
        for key in broker.OPTIONS
        if key.endswith((".replication.factor", ".min.isr", ".topics.enable", ".max.bytes"))
    ],
)
def test_kafka_is_set_as_the_broker_of_the_demo(setting: str) -> None:
    assert str(kafkas(setting)) == broker.OPTIONS[setting]


@pytest.mark.parametrize("name", OF_DRSQUIRREL)
def test_the_commands_take_the_options_they_are_given(name: str) -> None:
    command = typer.main.get_command(cli)
    words = shlex.split(SERVICES[name]["command"])
    while isinstance(command, typer.core.TyperGroup):
        command = command.commands[words.pop(0)]
    assert command.make_context(name, words).params, "or it raises what is wrong"
