"""The commands for what Dr. Squirrel stands on: the topics in Kafka, the database."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from drsquirrel.collect.kafka.topics import TOPICS, Admin, Finding
from drsquirrel.database import database_of
from drsquirrel.ending import FOUND, NOT_EVALUATED, ended, say, stop
from drsquirrel.kafka_watch import kafka_access
from drsquirrel.options import Brokers, Config, DatabaseUrl, DataDir, needed_kafka
from drsquirrel.settings import load as load_settings
from drsquirrel.show import text
from drsquirrel.store.error import AwayError, StoreError
from drsquirrel.store.interface import Database

topics = typer.Typer(help="Make the topics of the plugin, or check them.", no_args_is_help=True)
db = typer.Typer(help="Check the database, or upgrade it.", no_args_is_help=True)


@topics.command()
def create(
    kafka: Brokers = "",
    partitions: Annotated[int, typer.Option(min=1, metavar="N", help="Of each new topic.")] = 12,
    replication: Annotated[
        int, typer.Option(min=1, metavar="N", help="Copies of each new topic.")
    ] = 3,
    config: Config = None,
) -> None:
    """Make the topics that are missing, with the settings they need; on a single broker with
    --replication 1. Of those that were there it says what is wrong, as `check` does."""
    with ended():
        admin = _admin(kafka, config)
        made = admin.create(partitions, replication)
        for name in made:
            print(name)
        say(f"{len(made)} of {len(TOPICS)} topics made; the others were there.")
        if len(made) < len(TOPICS):
            _tell(admin.check())


@topics.command()
def check(kafka: Brokers = "", config: Config = None) -> None:
    """Say which settings of the topics are wrong, what follows, and how to mend it.

    Exit codes: 0 all is well, 1 something is wrong, 2 wrong usage, 3 Kafka could not be asked.
    """
    with ended():
        _tell(_admin(kafka, config).check())
        say(f"All {len(TOPICS)} topics are there and set as they should be.")


def _tell(found: Sequence[Finding]) -> None:
    """Print what is wrong with topics; raises typer.Exit where something is."""
    for finding in found:
        print(finding)
    if found:
        raise typer.Exit(FOUND)


@db.command("check")
def check_database(
    data_dir: DataDir = None, database: DatabaseUrl = None, config: Config = None
) -> None:
    """Say whether the database can be used, and change nothing.

    Exit codes: 0 all is well, 1 something is wrong, 2 wrong usage, 3 it could not be asked.
    """
    with ended():
        chosen = _database(data_dir, database, config)
        try:
            found = chosen.check()
        except AwayError as error:
            stop(NOT_EVALUATED, str(error))
        except StoreError as error:
            print(text.printable(str(error)))
            raise typer.Exit(FOUND) from None
        wrong = list(found.wrong)
        if 0 < found.version < found.needed:
            wrong.append(
                f"The schema in {chosen.place} is {found.version}, this release needs "
                f"{found.needed}: run `drsquirrel db upgrade`."
            )
        for sentence in wrong:
            print(text.printable(sentence))
        if wrong:
            raise typer.Exit(FOUND)
        say(f"All is well in {chosen.place}{'' if found.version else ', where nothing is yet'}.")


@db.command()
def upgrade(data_dir: DataDir = None, database: DatabaseUrl = None, config: Config = None) -> None:
    """Make the tables what this release needs; stop all of an older release before.

    There is no way back but a backup.
    """
    with ended():
        chosen = _database(data_dir, database, config)
        before = chosen.check()
        chosen.upgrade()
        if before.version == before.needed:
            say(f"Nothing to do: the schema in {chosen.place} is {before.needed} already.")
        else:
            say(f"The schema in {chosen.place} was {before.version} and is {before.needed} now.")


def _admin(brokers: str, config: Path | None) -> Admin:
    told = needed_kafka(brokers, load_settings(config, {}).kafka)
    return Admin(kafka_access(told), told.topic_prefix)


def _database(data_dir: str | None, url: str | None, config: Path | None) -> Database:
    return database_of(load_settings(config, {"data_dir": data_dir, "database": url}))
