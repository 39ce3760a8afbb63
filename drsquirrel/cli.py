"""The commands. Data goes to stdout, talk to stderr; exit codes are in the help of `diagnose`."""

import asyncio
import io
import json
import logging
import sys
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
import typer
from msgspec.structs import replace
from rich.console import Console

from drsquirrel import __version__, oneshot
from drsquirrel.app import Unawaited
from drsquirrel.app import up as run_app
from drsquirrel.collect.flink_rest.address import told
from drsquirrel.collect.flink_rest.error import AddressError, FlinkError
from drsquirrel.collect.kafka.connection import BrokerError
from drsquirrel.collect.kafka.topics import TOPICS, Admin, Finding
from drsquirrel.collect.recording import RecordingError
from drsquirrel.handbook import RuleBook
from drsquirrel.kafka_watch import kafka_access
from drsquirrel.model.report import Report
from drsquirrel.model.verdict import Verdict
from drsquirrel.rules.load import Rules, ThresholdError
from drsquirrel.rules.load import load as load_rules
from drsquirrel.serve.server import ListenError
from drsquirrel.settings import Cluster, Kafka, Settings, SettingsError
from drsquirrel.settings import load as load_settings
from drsquirrel.show import text
from drsquirrel.store.error import StoreError

T = TypeVar("T")
FOUND, USAGE, NOT_EVALUATED, INTERRUPTED = 1, 2, 3, 130

cli = typer.Typer(
    name="drsquirrel",
    help="Says whether a Flink job is healthy, why not, and what to change.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

topics = typer.Typer(help="Make the topics of the plugin, or check them.", no_args_is_help=True)
cli.add_typer(topics, name="topics")


class Output(StrEnum):
    """How a result is written."""

    TEXT = "text"
    JSON = "json"


class FailOn(StrEnum):
    """From which verdict on `diagnose` exits with 1."""

    WARN = "warn"
    FAIL = "fail"


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
As = Annotated[Output, typer.Option("--output", "-o", help="How the result is written.")]


@cli.command()
def up(
    flink: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Address of a Flink cluster's REST API, such as http://localhost:8081; once for "
            "each cluster, instead of those in the settings file.",
        ),
    ] = None,
    cluster: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Name of a cluster that is only heard through Kafka, not asked over REST; once "
            "for each.",
        ),
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option(metavar="DIR", help="Where the history is kept.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(metavar="N", help="Port of the page on localhost; 0 takes a free one."),
    ] = None,
    thread_dumps: Annotated[
        bool | None,
        typer.Option(
            "--thread-dumps/--no-thread-dumps",
            help="Whether watching may take thread dumps, under guard, where one would decide.",
        ),
    ] = None,
    kafka: Brokers = "",
    config: Config = None,
) -> None:
    """Watch Flink clusters and serve the page, until Ctrl-C."""
    with _told():
        flags = {"data_dir": data_dir, "port": port, "thread_dumps": thread_dumps}
        settings, rules = _prepared(config, flink or (), **flags)
        if kafka:
            settings = replace(settings, kafka=_kafka(kafka, settings.kafka))
        heard = tuple(Cluster(name=name) for name in cluster or ())
        if heard:
            settings = replace(settings, cluster=(*(settings.cluster if flink else ()), *heard))
        if not settings.cluster:
            raise SettingsError(
                "No cluster to watch: give --flink URL, or --config FILE; with --kafka BROKERS "
                "--cluster NAME will do."
            )
        logging.basicConfig(
            stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
        )
        _run(run_app(settings, rules, _say))


@cli.command()
def diagnose(
    target: Annotated[
        str,
        typer.Argument(
            metavar="URL|RECORDING",
            help="Address of Flink's REST API or of a running Dr. Squirrel, or a file that "
            "`drsquirrel record` made.",
        ),
    ],
    job: Annotated[
        str, typer.Option(metavar="ID|NAME", help="Only this job; its JSON is no list then.")
    ] = "",
    output: As = Output.TEXT,
    fail_on: Annotated[
        FailOn, typer.Option(help="The verdict from which on the exit code is 1.")
    ] = FailOn.WARN,
    seconds: Annotated[
        float,
        typer.Option(min=1, max=3600, metavar="S", help="How long to look at a cluster, at most."),
    ] = 60.0,
    config: Config = None,
) -> None:
    """Diagnose the jobs of a cluster once, worst first.

    Exit codes: 0 nothing found, 1 a finding, 2 wrong usage, 3 could not evaluate, 130 interrupted.
    """
    with _told():
        is_url = target.lower().startswith(("http://", "https://"))
        file = Path(target)
        if not is_url and not _exists(file):
            _stop(
                USAGE, f"{told(target)} is neither an address (http://HOST:PORT) nor a recording."
            )
        settings, rules = _prepared(config, [target] if is_url else ())
        if is_url:
            look = oneshot.diagnose_url(settings.cluster[0], settings, rules, job, seconds, _say)
        else:
            look = oneshot.diagnose_recording(file, settings, rules, job, _say)
        reports = _run(look)
        if job and len(reports) > 1:
            there = ", ".join(f"{r.job.id} on {r.job.cluster}" for r in reports)
            _stop(USAGE, f"Several jobs are called {job}: choose by --job {there}.")
        _print(reports, output, one=bool(job))
        raise typer.Exit(_exit_code(reports, fail_on))


@cli.command()
def record(
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of Flink's REST API.")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The recording to make; must not exist yet.")
    ],
    seconds: Annotated[
        float, typer.Option(min=1, max=86_400, metavar="S", help="How long to record.")
    ] = 60.0,
    config: Config = None,
) -> None:
    """Record a cluster, without its secrets, to be diagnosed later."""
    with _told():
        settings, rules = _prepared(config, [url])
        cluster = settings.cluster[0]
        try:
            _run(oneshot.record(cluster, file, settings, rules, seconds, _say))
        except FileExistsError:
            _stop(USAGE, f"{file} exists already: give another name.")
        except OSError as error:
            _stop(USAGE, f"Cannot make {file}: {(error.strerror or str(error)).lower()}.")
        _say(f"Recorded; `drsquirrel diagnose {file}` judges it.")


@cli.command()
def explain(
    code: Annotated[str, typer.Argument(metavar="CODE", help="Code of a check or a cause.")],
    config: Config = None,
) -> None:
    """Explain a check or a cause: why it matters, how to fix it."""
    with _told():
        _, rules = _prepared(config)
        try:
            rules[code]
        except ThresholdError as error:
            _stop(USAGE, f"Nothing to explain: {error} `drsquirrel rules` lists all.")
        page = RuleBook(rules).rule(code)
        assert page is not None
        sections = ((s.heading, s.text) for s in page.sections)
        thresholds = (f"{t.name} = {t.value:g} {t.unit}: {t.help}" for t in page.thresholds)
        text.render_rule(page.title, page.code, sections, thresholds, Console(highlight=False))


@cli.command()
def rules(output: As = Output.TEXT, config: Config = None) -> None:
    """List the checks and causes: code, kind, title."""
    with _told():
        _, loaded = _prepared(config)
        refs = RuleBook(loaded).rules()
        if output is Output.JSON:
            _print_json(refs)
        else:
            for ref in refs:
                print(f"{ref.code:36} {ref.kind:6} {ref.title}")


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
    with _told():
        admin = _admin(kafka, config)
        made = admin.create(partitions, replication)
        for name in made:
            print(name)
        _say(f"{len(made)} of {len(TOPICS)} topics made; the others were there.")
        if len(made) < len(TOPICS):
            _tell(admin.check())


@topics.command()
def check(kafka: Brokers = "", config: Config = None) -> None:
    """Say which settings of the topics are wrong, what follows, and how to mend it.

    Exit codes: 0 all is well, 1 something is wrong, 2 wrong usage, 3 Kafka could not be asked.
    """
    with _told():
        _tell(_admin(kafka, config).check())
        _say(f"All {len(TOPICS)} topics are there and set as they should be.")


def _tell(found: Sequence[Finding]) -> None:
    """Print what is wrong with topics; raises typer.Exit where something is."""
    for finding in found:
        print(f"{finding.topic}: {finding.wrong}, so {finding.so}.\n  {finding.mend}")
    if found:
        raise typer.Exit(FOUND)


@cli.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if show:
        print(__version__)
        raise typer.Exit


def _prepared(
    config: Path | None, urls: Sequence[str] = (), **flags: object
) -> tuple[Settings, Rules]:
    """Settings and rules; a cluster that is given by its URL keeps what the file says of it."""
    settings = load_settings(config, flags)
    if urls:
        named = {cluster.url.rstrip("/"): cluster for cluster in settings.cluster}
        chosen = tuple(named.get(url.rstrip("/"), Cluster(url=url)) for url in urls)
        settings = replace(settings, cluster=chosen)
    return settings, load_rules(settings.thresholds)


def _admin(brokers: str, config: Path | None) -> Admin:
    told = load_settings(config, {}).kafka
    if brokers:
        told = _kafka(brokers, told)
    if told is None:
        raise SettingsError("No Kafka: give --kafka HOST:PORT, or --config FILE with [kafka].")
    return Admin(kafka_access(told), told.topic_prefix)


def _kafka(brokers: str, told: Kafka | None) -> Kafka:
    """Brokers that are given go before those in the settings, whose other words stay."""
    return replace(told, brokers=brokers) if told else Kafka(brokers=brokers)


def _exists(file: Path) -> bool:
    try:
        return file.exists()
    except (OSError, ValueError):  # what no file can be called
        return False


def _exit_code(reports: Sequence[Report], fail_on: FailOn) -> int:
    verdicts = {r.verdict for r in reports}
    if Verdict.FAILING in verdicts:
        return FOUND
    if Verdict.WARNING in verdicts and fail_on is FailOn.WARN:
        return FOUND
    return NOT_EVALUATED if Verdict.UNKNOWN in verdicts else 0


def _print(reports: Sequence[Report], output: Output, *, one: bool) -> None:
    """A job that was asked for by name is one document; without a name there is a list."""
    if output is Output.JSON:
        _print_json(reports[0] if one else reports)
    else:
        text.render(reports, Console(highlight=False))


def _print_json(value: object) -> None:
    """In ASCII: a terminal obeys nothing in it, and every encoding can write it."""
    print(json.dumps(msgspec.to_builtins(value), ensure_ascii=True, separators=(",", ":")))


def _run(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(Unawaited())
        return runner.run(main)


@contextmanager
def _told() -> Iterator[None]:
    """Ends with the sentence of what went wrong, and the exit code that says whose turn it is."""
    try:
        yield
    except ThresholdError as error:
        _stop(USAGE, f"Wrong thresholds: {error}")
    except (SettingsError, AddressError, ListenError, StoreError) as error:
        _stop(USAGE, str(error))
    except (FlinkError, BrokerError, RecordingError, oneshot.NothingToJudgeError) as error:
        _stop(NOT_EVALUATED, str(error))
    except KeyboardInterrupt:
        _stop(INTERRUPTED, "Interrupted.")


def _say(sentence: str) -> None:
    print(text.printable(sentence), file=sys.stderr, flush=True)


def _stop(code: int, sentence: str) -> NoReturn:
    _say(f"drsquirrel: {sentence}")
    raise typer.Exit(code)


def main() -> None:
    """Entry point. What an encoding cannot write is shown by its number, not refused."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    cli()


if __name__ == "__main__":
    main()
