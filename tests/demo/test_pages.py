"""The pages on the plugin and on a secured Kafka tell what the demo and the tests do."""

import re
import shlex
from pathlib import Path
from typing import Any

import yaml
from confluent_kafka.admin import AclOperation, ResourceType

from demo import plugin
from demo.secured import Right, SecuredBroker, admin_rights, plugin_rights, reader_rights
from drsquirrel.settings import load

DOCS = Path(__file__).parents[2] / "docs"
PLUGIN, INSTALL, SECURED = (
    (DOCS / f"{name}.md").read_text() for name in ("plugin", "install-plugin", "secured-kafka")
)
LAB = "lab-"
OPERATIONS = {
    "Create": AclOperation.CREATE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
}


def blocks(page: str, language: str) -> list[str]:
    """The examples of a page in that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.M | re.S)


def test_flink_is_told_in_every_example_what_the_demo_tells_it() -> None:
    [standalone] = map(yaml.safe_load, blocks(PLUGIN, "yaml"))
    assert standalone == plugin.options("NAME", "HOST:PORT")
    [deployment] = map(yaml.safe_load, blocks(INSTALL, "yaml"))
    told = deployment["spec"]["flinkConfiguration"]
    assert told == plugin.options(deployment["metadata"]["name"], "kafka.kafka.svc:9092")


def test_the_folder_of_the_plugin_is_filled_before_flink_looks_into_it() -> None:
    [deployment] = map(yaml.safe_load, blocks(INSTALL, "yaml"))
    pod = deployment["spec"]["podTemplate"]["spec"]
    [first], [flink], [volume] = pod["initContainers"], pod["containers"], pod["volumes"]
    mounts = [container["volumeMounts"][0] for container in (first, flink)]
    assert {mount["name"] for mount in mounts} == {volume["name"]}
    assert first["command"][-1].endswith(f" {mounts[0]['mountPath']}/")
    assert mounts[1]["mountPath"] == "/opt/flink/plugins/drsquirrel"
    assert INSTALL.count(plugin.JAR.name) >= 2


def test_the_options_for_a_secured_kafka_are_those_that_are_tried(tmp_path: Path) -> None:
    [told] = map(yaml.safe_load, blocks(SECURED, "yaml"))
    broker = SecuredBroker({"plugin": []})
    broker.folder = tmp_path
    tried = broker.plugin_options("plugin")
    prefix = "metrics.reporter.squirrel.topic.prefix"
    assert set(told) == {*tried, prefix}
    assert told[prefix] == LAB
    for key, value in tried.items():
        secret, ca = tmp_path / "plugin.properties", broker.ca_file
        shown = value.replace(str(secret), "/etc/kafka/plugin.properties")
        assert told[key] == shown.replace(str(ca), "/etc/kafka/ca.pem")


def test_the_rights_are_those_that_are_tried() -> None:
    told: dict[str, list[Right]] = {}
    for line in blocks(SECURED, "sh")[0].splitlines():
        if line.startswith("kafka-acls"):
            user, rights = rights_of(shlex.split(line)[2:])
            told.setdefault(user, []).extend(rights)
    tried = {
        "admin": admin_rights(LAB),
        "plugin": plugin_rights(LAB),
        "squirrel": reader_rights(LAB),
    }
    assert told == tried


def rights_of(words: list[str]) -> tuple[str, list[Right]]:
    """The user of a command and what it gives him."""
    told = list(zip(words[::2], words[1::2], strict=True))
    options: dict[str, Any] = dict(told)
    kind = ResourceType.TOPIC if "--topic" in options else ResourceType.GROUP
    name = options.get("--topic") or options["--group"]
    is_prefix = options.get("--resource-pattern-type") == "prefixed"
    operations = [OPERATIONS[value] for option, value in told if option == "--operation"]
    user = options["--allow-principal"].removeprefix("User:")
    return user, [Right(operation, kind, name, is_prefix) for operation in operations]


def test_the_settings_of_the_example_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "drsquirrel.toml"
    file.write_text(blocks(SECURED, "toml")[0])
    settings = load(file, {}, {})
    assert settings.kafka is not None and settings.kafka.topic_prefix == LAB
