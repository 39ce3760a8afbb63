"""The topics: how each should be set, why, and what is wrong with those that are there."""

import time
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import TypeVar

from confluent_kafka import KafkaError
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from drsquirrel.collect.kafka.connection import (
    TIMEOUT_S,
    Access,
    BrokerError,
    Heard,
    answer,
    is_of,
    options,
)
from drsquirrel.collect.kafka.message import MESSAGE_BYTES, SNAPSHOT_BYTES

T = TypeVar("T")
POLL_S = 0.1
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LOGS = "flink-logs"
CONFIGS = "flink-configs"
SNAPSHOTS = "job-snapshots"
"""Where the watcher tells what it has found."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One setting of a topic: the value to create it with, what will do, and what follows if not.

    Compression is the producer's: the broker must not undo it.
    """

    setting: str
    value: str
    will_do: Callable[[str], bool]
    else_: str


def _exactly(setting: str, value: str, else_: str) -> Wish:
    return Wish(setting, value, lambda now: now == value, else_)


def _at_least(setting: str, least: int, else_: str) -> Wish:
    def will_do(now: str) -> bool:
        return int(now) == -1 or int(now) >= least  # -1 is Kafka's word for no limit

    return Wish(setting, str(least), will_do, else_)


def _keeps(ms: int, what: str) -> Wish:
    return _at_least(
        "retention.ms", ms, f"after a longer stop of Dr. Squirrel the oldest {what} are lost"
    )


ARRIVAL = _exactly(
    "message.timestamp.type",
    "LogAppendTime",
    "a container with a wrong clock decides when a window closes, for all",
)
SIZE = _at_least(
    "max.message.bytes", MESSAGE_BYTES, "reports of large TaskManagers are refused, and missing"
)
SNAPSHOT_SIZE = _at_least(
    "max.message.bytes",
    SNAPSHOT_BYTES,
    "snapshots of large runs are refused, and the watcher fails",
)
COMPRESSION = _exactly(
    "compression.type", "producer", "the broker packs every message once more, at its own cost"
)
DELETES = _exactly("cleanup.policy", "delete", "messages of one container replace each other")


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic and what it is for."""

    name: str
    holds: str
    wishes: tuple[Wish, ...]


def _topic(name: str, holds: str, *wishes: Wish, size: Wish = SIZE) -> Topic:
    return Topic(name, holds, (ARRIVAL, size, COMPRESSION, *wishes))


TOPICS = (
    _topic("flink-metrics", "reports of runs", DELETES, _keeps(6 * HOUR_MS, "reports")),
    _topic("flink-containers", "reports of processes", DELETES, _keeps(6 * HOUR_MS, "reports")),
    _topic(LOGS, "log lines", DELETES, _keeps(DAY_MS, "log lines")),
    _topic("flink-events", "failures, checkpoints, states", DELETES, _keeps(3 * DAY_MS, "events")),
    _topic(
        CONFIGS,
        "the configuration of each process",
        DELETES,
        _keeps(7 * DAY_MS, "configurations"),
    ),
    _topic(
        SNAPSHOTS,
        "what the watcher says of each run and process",
        DELETES,
        _keeps(6 * HOUR_MS, "snapshots"),
        size=SNAPSHOT_SIZE,
    ),
    _topic(
        "drsquirrel-dead-letters",
        "messages that could not be read, and why",
        DELETES,
        Wish(
            "retention.bytes",
            str(256 << 20),
            lambda now: int(now) >= 0,
            "a producer gone wrong fills the broker's disk",
        ),
    ),
)
PLUGIN_TOPICS = tuple(topic.name for topic in TOPICS if topic.name.startswith("flink-"))
"""Those that the plugin sends to."""
FOLDED = tuple(name for name in PLUGIN_TOPICS if name != CONFIGS)
"""Those of which the watcher tells."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a topic, what follows, and how to mend it."""

    topic: str
    wrong: str
    so: str
    mend: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.wrong}, so {self.so}.\n  {self.mend}"


class Admin:
    """Looks at topics and makes them. Every method raises BrokerError where Kafka does not let it.

    `prefix` stands before the name of every topic.
    """

    def __init__(self, access: Access, prefix: str = "") -> None:
        self._access = access
        self._prefix = prefix
        self._heard = Heard()
        self._client = AdminClient(options(access, self._heard))

    def missing(self) -> list[str]:
        """The names of the topics that are not there."""
        there = self._listed()
        return [name for name in self._names() if name not in there]

    def create(self, partitions: int, replication: int) -> list[str]:
        """Make the topics that are missing; returns their names."""
        missing = set(self.missing())
        new = [
            NewTopic(
                self._prefix + topic.name,
                num_partitions=partitions,
                replication_factor=replication,
                config={wish.setting: wish.value for wish in topic.wishes},
            )
            for topic in TOPICS
            if self._prefix + topic.name in missing
        ]
        if new:
            for name, done in self._client.create_topics(new, operation_timeout=TIMEOUT_S).items():
                try:
                    self._wait(done.result, f"making the topic {name}")
                except BrokerError as error:
                    if not is_of(error, KafkaError.INVALID_REPLICATION_FACTOR):
                        raise
                    few = f"On fewer than {replication} brokers give --replication."
                    raise BrokerError(f"{error} {few}") from None
            self._wait_listed(missing)
        return [topic.topic for topic in new]

    def _wait_listed(self, names: Set[str]) -> None:
        """A broker may list a topic some moments after it was made."""
        deadline = time.monotonic() + TIMEOUT_S
        while not names <= self._listed() and time.monotonic() < deadline:
            time.sleep(POLL_S)

    def check(self) -> list[Finding]:
        """What is wrong with the topics."""
        there = self._listed()
        found = [_absent(name, self._access.user) for name in self._names() if name not in there]
        names = [name for name in self._names() if name in there]
        for name, settings in self._settings(names).items():
            [topic] = [t for t in TOPICS if self._prefix + t.name == name]
            found += _findings(topic, name, settings)
        return found

    def _names(self) -> list[str]:
        return [self._prefix + topic.name for topic in TOPICS]

    def _listed(self) -> frozenset[str]:
        listed = self._wait(lambda: self._client.list_topics(timeout=TIMEOUT_S), "listing topics")
        return frozenset(listed.topics)

    def _settings(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        asked = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        if not asked:
            return {}
        answers = self._client.describe_configs(asked, request_timeout=TIMEOUT_S)
        found = {}
        for resource, future in answers.items():
            told = self._wait(future.result, f"reading the settings of {resource.name}")
            found[resource.name] = {name: entry.value for name, entry in told.items()}
        return found

    def _wait(self, call: Callable[[], T], doing: str) -> T:
        return answer(self._access, self._client, self._heard, call, doing)


def _absent(name: str, user: str) -> Finding:
    """Kafka does not tell a topic that is hidden from the user from one that is not there."""
    return Finding(
        topic=name,
        wrong="is not there" + (f", or {user} has no right to see it" if user else ""),
        so="what is sent to it is lost",
        mend="drsquirrel topics create",
    )


def _findings(topic: Topic, name: str, settings: Mapping[str, str]) -> list[Finding]:
    return [
        Finding(
            topic=name,
            wrong=f"{wish.setting} is {settings[wish.setting]}",
            so=wish.else_,
            mend=f"kafka-configs --alter --entity-type topics --entity-name {name} "
            f"--add-config {wish.setting}={wish.value}",
        )
        for wish in topic.wishes
        if wish.setting in settings and not wish.will_do(settings[wish.setting])
    ]
