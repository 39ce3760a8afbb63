"""Options that several commands have, and what they mean together with the settings."""

from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from drsquirrel.settings import Kafka, SettingsError

Config = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Settings file (TOML); DRS_* variables go before it."),
]
Brokers = Annotated[
    str,
    typer.Option(
        "--kafka",
        metavar="BROKERS",
        help="Addresses of Kafka, such as localhost:9092, instead of those in the settings file.",
    ),
]
DataDir = Annotated[str | None, typer.Option(metavar="DIR", help="Where the history is kept.")]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="A PostgreSQL instead: postgresql://USER@HOST:PORT/NAME, no password."
    ),
]


def kafka_of(brokers: str, told: Kafka | None) -> Kafka:
    """Brokers that are given go before those in the settings, whose other words stay."""
    return replace(told, brokers=brokers) if told else Kafka(brokers=brokers)


def needed_kafka(brokers: str, told: Kafka | None) -> Kafka:
    """Likewise; raises SettingsError where neither names one."""
    found = kafka_of(brokers, told) if brokers else told
    if found is None:
        raise SettingsError("No Kafka: give --kafka HOST:PORT, or --config FILE with [kafka].")
    return found
