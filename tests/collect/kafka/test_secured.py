"""A real broker with TLS, users and rights: who may reads; who may not is told why and what to do,
and nothing stops."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from msgspec.structs import replace

from demo.secured import SecuredBroker, admin_rights, certify, plugin_rights, reader_rights
from drsquirrel.collect.kafka.connection import Access, BrokerError
from drsquirrel.collect.kafka.topics import TOPICS, Admin
from drsquirrel.kafka_watch import kafka_access, source_of
from drsquirrel.model.event import LogEvent, Message, MetricReport, Origin, encoder
from drsquirrel.settings import Cluster, Kafka
from tests.collect.flink_rest.simulated import simulated
from tests.commands import run
from tests.conftest import need_maven
from tests.simulation import RoundsClock, Run, running

pytestmark = pytest.mark.xdist_group("secured kafka")
LAB, FINANCE = "lab-", "finance-"
ROUNDS_OF_A_MINUTE = 8
ENOUGH_S = 30.0


@pytest.fixture(scope="module")
def broker() -> Iterator[SecuredBroker]:
    """With the topics of two clusters."""
    need_maven()
    rights = {
        "admin": admin_rights(LAB, FINANCE),
        "lab-plugin": plugin_rights(LAB),
        "squirrel": reader_rights(LAB, FINANCE),
        "blind": reader_rights("elsewhere-"),
        "lonely": reader_rights(LAB, FINANCE, group="another"),
        "nobody": [],
    }
    with SecuredBroker(rights) as broker:
        for prefix in (LAB, FINANCE):
            Admin(access(broker, "admin"), prefix).create(1, 1)
        certify(broker.folder, broker.folder / "other-ca.pem", "other")
        yield broker


def table(broker: SecuredBroker, user: str, **other: Any) -> Kafka:
    """The [kafka] table of this user."""
    return Kafka(
        **{
            "brokers": broker.address,
            "topic_prefix": LAB,
            "tls": True,
            "ca_file": str(broker.ca_file),
            "user": user,
            "password_file": str(broker.password_file(user)) if user else "",
            **other,
        }
    )


def access(broker: SecuredBroker, user: str, **other: Any) -> Access:
    return kafka_access(table(broker, user, **other))


def wrong(broker: SecuredBroker, name: str) -> Kafka:
    """A table with one thing wrong in it."""
    return {
        "password": table(broker, "squirrel", password_file=str(broker.password_file("admin"))),
        "authority": table(broker, "squirrel", ca_file=str(broker.folder / "other-ca.pem")),
        "no TLS": table(broker, "squirrel", tls=False),
        "no user": table(broker, ""),
        "mechanism": table(broker, "squirrel", mechanism="PLAIN"),
        "no right to the topics": table(broker, "blind"),
        "no right to the group": table(broker, "lonely"),
    }[name]


UNREACHED = {
    "password": "(it refuses the user or the password): check user and password_file.",
    "authority": "(its certificate is of no authority that is known here, or of another host): "
    "check ca_file and the host name.",
    "no TLS": "(it closes the connection): it may want tls = true.",
    "no user": "(it closes the connection): it may want user and password_file.",
    "mechanism": "(it takes users by SCRAM-SHA-512 only): set mechanism.",
}


@pytest.mark.parametrize("name", UNREACHED)
def test_an_admin_is_told_why_it_cannot_be_reached_and_what_to_do(
    broker: SecuredBroker, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drsquirrel.collect.kafka.topics.TIMEOUT_S", 2)
    with pytest.raises(BrokerError) as told:
        Admin(kafka_access(wrong(broker, name)), LAB).check()
    begin = f"No Kafka broker answers at {broker.address} while listing topics "
    assert str(told.value) == begin + UNREACHED[name]


def test_a_port_that_wants_certificates_of_its_clients_is_told_as_such(
    broker: SecuredBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drsquirrel.collect.kafka.topics.TIMEOUT_S", 2)
    for_brokers = f"127.0.0.1:{broker.controller_port}"
    with pytest.raises(BrokerError, match=r"wants a certificate .* take a listener"):
        Admin(access(broker, "admin", brokers=for_brokers), LAB).check()


def test_the_command_makes_and_checks_the_topics_of_who_may(
    broker: SecuredBroker, tmp_path: Path
) -> None:
    config = tmp_path / "squirrel.toml"
    config.write_text(toml(table(broker, "admin")))
    made = run("topics", "create", "--replication", 1, "--config", config)
    assert (made.code, made.out) == (0, ""), made.err
    checked = run("topics", "check", "--config", config)
    assert (checked.code, checked.err.split()[0]) == (0, "All"), checked


def toml(kafka: Kafka) -> str:
    lines = [
        f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}\n"
        for name in kafka.__struct_fields__
        if (value := getattr(kafka, name)) != ""
    ]
    return f"[kafka]\n{''.join(lines)}"


def test_without_the_right_to_a_topic_it_is_told_which_rights_it_takes(
    broker: SecuredBroker,
) -> None:
    of_others = Admin(access(broker, "admin"), "payroll-")
    with pytest.raises(BrokerError) as told:
        of_others.create(1, 1)
    assert str(told.value) == (
        "Kafka does not let admin do this: making the topic payroll-flink-metrics. It takes the "
        "rights CREATE, DESCRIBE and DESCRIBE_CONFIGS on the topics."
    )
    seen = Admin(access(broker, "nobody"), LAB).check()
    assert [finding.topic for finding in seen] == [LAB + topic.name for topic in TOPICS]
    assert {f.wrong for f in seen} == {"is not there, or nobody has no right to see it"}


class Plugin:
    """Sends as a user whose rights are those of the lab's plugin."""

    def __init__(self, broker: SecuredBroker) -> None:
        self._producer = Producer({**broker.client("lab-plugin"), "linger.ms": 0})
        self._sequence = 0

    def send(self, topic: str, message: Message) -> KafkaError | None:
        told: list[KafkaError | None] = []
        value = encoder.encode(message)
        try:
            self._producer.produce(topic, value, on_delivery=lambda error, _: told.append(error))
        except KafkaException as error:  # it was refused once
            told.append(error.args[0])
        assert self._producer.flush(20) == 0
        return told[0]

    def origin(self, cluster: str) -> Origin:
        self._sequence += 1
        return Origin(
            cluster=cluster,
            producer="plugin",
            epoch="forged",
            sequence=self._sequence,
            container="tm-0",
        )


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(ENOUGH_S):
        while True:
            if holds():
                return
            await asyncio.sleep(0.05)


async def stopped(task: "asyncio.Task[None]") -> None:
    """End it, and fail if it had ended by itself."""
    assert not task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def reading(run: Run, kafka: Kafka) -> "asyncio.Task[None]":
    settings = replace(run.settings, kafka=kafka)
    source = source_of(settings, kafka_access(kafka), run.store.offsets, run.clock)
    return asyncio.create_task(run.app.read(source))


READ = {
    "password": "No Kafka broker answers at {address}: it refuses the user or the password: check "
    "user and password_file.",
    "authority": "No Kafka broker answers at {address}: its certificate is of no authority that is "
    "known here, or of another host: check ca_file and the host name.",
    "no TLS": "No Kafka broker answers at {address}: it closes the connection: it may want tls = "
    "true.",
    "no right to the topics": "Topic authorization failed",
    "no right to the group": "Group authorization failed",
}


@pytest.mark.parametrize("name", READ)
async def test_what_hinders_reading_is_told_in_one_sentence_and_rest_goes_on(
    broker: SecuredBroker, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with simulated(RoundsClock()) as flink:
        flink.job("orders")
        with running(tmp_path, flink) as run:
            task = reading(run, wrong(broker, name))
            await until(lambda: caplog.messages)
            await run.rounds(ROUNDS_OF_A_MINUTE)
            assert run.report("orders").data.sources
            [told] = caplog.messages
            assert READ[name].format(address=broker.address) in told
            await stopped(task)


async def test_a_forged_message_changes_nothing_of_another_cluster(
    broker: SecuredBroker, tmp_path: Path
) -> None:
    clock = RoundsClock()
    plugin = Plugin(broker)
    async with simulated(clock) as lab, simulated(clock) as finance:
        lab.job("orders")
        payroll = finance.job("payroll")
        victim = Cluster(url=finance.url, name="finance", topic_prefix=FINANCE)
        with running(tmp_path, lab, victim) as run:
            await run.rounds(1)
            task = reading(run, table(broker, "squirrel"))
            for cluster in ("finance", "lab"):
                for topic, message in forged(plugin, cluster, payroll.jid, clock.now_ms()).items():
                    assert plugin.send(LAB + topic, message) is None
                    refused = plugin.send(FINANCE + topic, message)
                    assert refused is not None
                    assert refused.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
            await until(
                lambda: (
                    'refused_total{reason="another cluster"} 2\n' in run.pages.metrics()
                    and "drsquirrel_kafka_messages_total 2\n" in run.pages.metrics()
                )
            )
            await run.rounds(ROUNDS_OF_A_MINUTE)
            report = run.report("payroll")
            assert run.store.logs(report.run.id).events == ()
            [of_plugin] = [s for s in report.data.sources if s.name.startswith("Plugin")]
            assert of_plugin.state == "missing"
            assert "forged" not in str(run.store.load_hour("finance", 0))
            assert [row.job.name for row in run.jobs.jobs] == ["orders", "payroll"]
            await stopped(task)


def forged(plugin: Plugin, cluster: str, job: str, now_ms: int) -> dict[str, Message]:
    """What says that it is of that cluster, about that job, by topic."""
    log = LogEvent(
        origin=plugin.origin(cluster),
        time_ms=now_ms,
        level="ERROR",
        logger="com.shop.Payroll",
        message="robbed",
        job=job,
    )
    report = MetricReport(origin=plugin.origin(cluster), time_ms=now_ms, job=job)
    return {"flink-logs": log, "flink-metrics": report}
