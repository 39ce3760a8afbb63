"""The connection to Kafka: what librdkafka is told, and what went wrong as one sentence."""

import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from confluent_kafka import KafkaError, KafkaException
from msgspec import Struct

T = TypeVar("T")
TIMEOUT_S = 10.0
"""For one answer of a broker."""


class BrokerError(Exception):
    """One sentence that says what is wrong with Kafka and what to do."""


class Access(Struct, frozen=True, kw_only=True):
    """How to reach Kafka: with a user by SASL."""

    brokers: str
    tls: bool = False
    ca_file: str = ""
    user: str = ""
    password: str = ""
    mechanism: str = "SCRAM-SHA-512"


class Client(Protocol):
    """What every client of librdkafka has."""

    def poll(self, timeout: float, /) -> object: ...


class Heard(logging.Handler):
    """Keeps the last thing that a client complained of, instead of printing it."""

    def __init__(self) -> None:
        super().__init__()
        self.last = ""
        self.logger = logging.Logger("librdkafka")
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        # "FAIL [rdkafka#producer-1] [thrd:host:1/bootstrap]: host:1/bootstrap: <what> (after …)"
        told = record.getMessage().rpartition("/bootstrap: ")[2]
        self.last = told.partition(" (after")[0]


def options(access: Access, heard: Heard) -> dict[str, Any]:
    """The options of librdkafka for this access, without any that only one kind of client has."""
    security = ("SASL_" if access.user else "") + ("SSL" if access.tls else "PLAINTEXT")
    told: dict[str, Any] = {
        "bootstrap.servers": access.brokers,
        "client.id": "drsquirrel",
        "security.protocol": security,
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


def answer(access: Access, client: Client, heard: Heard, call: Callable[[], T], doing: str) -> T:
    """What a call brings; raises BrokerError where Kafka does not let it."""
    try:
        return call()
    except KafkaException as error:
        client.poll(0)  # which brings what was heard
        raise broker_error(access, error, doing, heard.last) from error


def broker_error(access: Access, error: KafkaException, doing: str, heard: str = "") -> BrokerError:
    """What an error means. `heard`: what the client last said of its connections."""
    code = error.args[0]
    assert isinstance(code, KafkaError)
    if code.code() in (KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN):
        why = f" ({heard})" if heard else ""
        return BrokerError(
            f"No Kafka broker answers at {access.brokers} while {doing}{why}: check the address, "
            "and whether it wants TLS or a user."
        )
    if code.code() == KafkaError._AUTHENTICATION:
        return BrokerError(
            f"Kafka at {access.brokers} refuses the user {access.user or '(none)'}: check user, "
            "password and mechanism."
        )
    return BrokerError(f"Kafka refused {doing}: {code.str()}.")
