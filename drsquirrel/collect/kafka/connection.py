"""The connection to Kafka: what librdkafka is told, and what went wrong as one sentence."""

import logging
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from confluent_kafka import KafkaError, KafkaException
from msgspec import Struct

from drsquirrel.settings import SettingsError

T = TypeVar("T")
TIMEOUT_S = 10.0
"""For one answer of a broker."""
AWAY = (KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN)
FORBIDDEN = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
)
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")


_ADDRESS = re.compile(r"(?:[A-Z_]+://)?(?:[\w.\-]+|\[[0-9a-fA-F:.%]+\]):\d{1,5}")
"""A protocol before it is one of Kafka's own listeners, such as SASL_SSL://."""


class BrokerError(Exception):
    """One sentence that says what is wrong with Kafka and what to do."""


class Access(Struct, frozen=True, kw_only=True):
    """How to reach Kafka: with a user by SASL. Raises SettingsError for what cannot be."""

    brokers: str
    tls: bool = False
    ca_file: str = ""
    user: str = ""
    password: str = ""
    mechanism: str = MECHANISMS[0]

    def __post_init__(self) -> None:
        if not self.brokers.strip(" ,"):
            raise SettingsError("Kafka has no address: give --kafka HOST:PORT, or brokers.")
        for broker in filter(None, (told.strip() for told in self.brokers.split(","))):
            if not _ADDRESS.fullmatch(broker):
                raise SettingsError(
                    f"{broker!r} is no address of Kafka: give HOST:PORT, such as localhost:9092, "
                    "without http://."
                )
        if bool(self.user) != bool(self.password):
            raise SettingsError("Of Kafka's user and password_file one is missing: give both.")
        if self.mechanism not in MECHANISMS:
            raise SettingsError(
                f"Kafka's mechanism is {self.mechanism!r}, but must be one of "
                f"{', '.join(MECHANISMS)}."
            )
        if self.ca_file:
            try:
                ssl.create_default_context(cafile=self.ca_file)
            except OSError as error:
                reason = (error.strerror or "").lower()
                if isinstance(error, ssl.SSLError):
                    reason = "it holds no certificate"
                raise SettingsError(
                    f"Kafka's ca_file {self.ca_file} cannot be used ({reason}): give a file with "
                    "certificates in PEM form."
                ) from None


class Meaning(NamedTuple):
    """What a complaint of librdkafka means: why a broker cannot be spoken with, and what to do."""

    said: re.Pattern[str]
    why: str
    do: str


def _meaning(said: str, why: str, do: str) -> Meaning:
    return Meaning(re.compile(said), why, do)


MEANINGS = (
    _meaning(
        "Authentication failed",
        "it refuses the user or the password",
        "check user and password_file",
    ),
    _meaning(
        r"supported mechanisms: (?P<listed>[\w-][\w,-]*)",
        "it takes users by {listed} only",
        "set mechanism",
    ),
    _meaning("supported mechanisms: $", "it wants no user", "remove user and password_file"),
    _meaning(
        "certificate verify failed",
        "its certificate is of no authority that is known here, or of another host",
        "check ca_file and the host name",
    ),
    _meaning("PLAINTEXT broker listener", "it does not speak TLS there", "check tls and the port"),
    _meaning(
        "bad certificate|certificate required|client SSL authentication",
        "it wants a certificate of whoever comes, and Dr. Squirrel has none",
        "take a listener that wants a user",
    ),
    _meaning(
        "SSL connection closed", "it closes the connection", "it may want user and password_file"
    ),
    _meaning("connection closed by peer", "it closes the connection", "it may want tls = true"),
)


class Client(Protocol):
    """What every client of librdkafka has."""

    def poll(self, timeout: float, /) -> object: ...


class Heard(logging.Handler):
    """Keeps the last thing that a client complained of, instead of printing it."""

    def __init__(self) -> None:
        super().__init__()
        self.why = ""
        self.do = ""
        """Where it is known."""
        self.too_large = False
        """Whether an answer was larger than what is received."""
        self.logger = logging.Logger("librdkafka")
        self.logger.addHandler(self)

    @property
    def last(self) -> str:
        """Why, and what to do about it; "" if there was nothing."""
        return f"{self.why}: {self.do}" if self.do else self.why

    def emit(self, record: logging.LogRecord) -> None:
        # "FAIL [rdkafka#producer-1] [thrd:host:1/bootstrap]: host:1/bootstrap: <what> (after …)"
        told = record.getMessage().rpartition("/bootstrap: ")[2].partition(" (after")[0]
        self.why, self.do = told, ""
        self.too_large |= "Invalid response size" in told
        for meaning in MEANINGS:
            if found := meaning.said.search(told):
                self.why, self.do = meaning.why.format(**found.groupdict()), meaning.do
                return


def options(access: Access, heard: Heard) -> dict[str, Any]:
    """The options of librdkafka for this access, without any that only one kind of client has."""
    told: dict[str, Any] = {
        "bootstrap.servers": access.brokers,
        "client.id": "drsquirrel",
        "security.protocol": _protocol(access),
        "socket.timeout.ms": int(TIMEOUT_S * 1000),
        "logger": heard.logger,
    }
    if access.ca_file:
        told["ssl.ca.location"] = access.ca_file
    if access.user:
        told["sasl.mechanisms"] = access.mechanism
        told["sasl.username"] = access.user
        told["sasl.password"] = access.password
    return told


def java_options(access: Access) -> dict[str, str]:
    """The options of Kafka's Java client for this access."""
    told = {"bootstrap.servers": access.brokers, "security.protocol": _protocol(access)}
    if access.ca_file:
        told["ssl.truststore.type"] = "PEM"
        # The text and not the file, which is not where Flink's processes are.
        told["ssl.truststore.certificates"] = Path(access.ca_file).read_text("utf-8")
    if access.user:
        module = (
            "plain.PlainLoginModule" if access.mechanism == "PLAIN" else "scram.ScramLoginModule"
        )
        user, password = (_in_jaas(word) for word in (access.user, access.password))
        told["sasl.mechanism"] = access.mechanism
        told["sasl.jaas.config"] = (
            f"org.apache.kafka.common.security.{module} required "
            f"username={user} password={password};"
        )
    return told


def _protocol(access: Access) -> str:
    return ("SASL_" if access.user else "") + ("SSL" if access.tls else "PLAINTEXT")


def _in_jaas(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def answer(access: Access, client: Client, heard: Heard, call: Callable[[], T], doing: str) -> T:
    """What a call brings; raises BrokerError where Kafka does not let it."""
    try:
        return call()
    except KafkaException as error:
        client.poll(0)  # which brings what was heard
        raise broker_error(access, error, doing, heard) from error


def is_of(error: BrokerError, code: int) -> bool:
    """Whether Kafka gave this code for it."""
    cause = error.__cause__
    return isinstance(cause, KafkaException) and cause.args[0].code() == code


def broker_error(access: Access, error: KafkaException, doing: str, heard: Heard) -> BrokerError:
    """What an error means. `heard`: what the client last said of its connections."""
    code = error.args[0]
    assert isinstance(code, KafkaError)
    if code.code() in AWAY:
        why = f" ({heard.why})" if heard.why else ""
        return BrokerError(
            f"No Kafka broker answers at {access.brokers} while {doing}{why}: "
            f"{heard.do or 'check the address, and whether it wants TLS or a user'}."
        )
    if code.code() in FORBIDDEN:
        return BrokerError(
            f"Kafka does not let {access.user or 'whoever has no user'} do this: {doing}. It takes "
            "the rights CREATE, DESCRIBE and DESCRIBE_CONFIGS on the topics."
        )
    return BrokerError(f"Kafka refused {doing}: {code.str().rstrip('.')}.")
