"""The commands. Data goes to stdout, talk to stderr; exit codes are in the help of `diagnose`."""

import asyncio
import io
import json
import sys
from collections.abc import Coroutine, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from msgspec.structs import replace
from rich.console import Console

from drsquirrel import __version__, oneshot
from drsquirrel.collect.flink_rest.address import told
from drsquirrel.ending import FOUND, NOT_EVALUATED, USAGE, ended, say, stop
from drsquirrel.handbook import RuleBook
from drsquirrel.instance import share as run_share
from drsquirrel.model.report import Report
from drsquirrel.model.verdict import Verdict
from drsquirrel.operating import db, topics
from drsquirrel.options import Brokers, Config, DatabaseUrl, DataDir, kafka_of, needed_kafka
from drsquirrel.rules.load import Rules, ThresholdError
from drsquirrel.rules.load import load as load_rules
from drsquirrel.running import Unawaited
from drsquirrel.running import up as run_up
from drsquirrel.settings import Cluster, Settings, SettingsError, Yarn
from drsquirrel.settings import load as load_settings
from drsquirrel.show import text
from drsquirrel.watcher import watcher

T = TypeVar("T")

cli = typer.Typer(
    name="drsquirrel",
    help="Says whether a Flink job is healthy, why not, and what to change.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

cli.add_typer(topics, name="topics")
cli.add_typer(db, name="db")
cli.add_typer(watcher, name="watcher")


class Output(StrEnum):
    """How a result is written."""

    TEXT = "text"
    JSON = "json"


class FailOn(StrEnum):
    """From which verdict on `diagnose` exits with 1."""

    WARN = "warn"
    FAIL = "fail"


As = Annotated[Output, typer.Option("--output", "-o", help="How the result is written.")]


Flinks = Annotated[
    list[str] | None,
    typer.Option(
        metavar="URL",
        help="Address of a Flink cluster's REST API, such as http://localhost:8081; once for "
        "each cluster, instead of those in the settings file.",
    ),
]
Heard = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Name of a cluster that is only heard through Kafka, not asked over REST; once "
        "for each.",
    ),
]
Yarns = Annotated[
    list[str] | None,
    typer.Option(
        metavar="URL",
        help="Address of a YARN ResourceManager, such as http://localhost:8088, whose Flink "
        "applications are found and watched; once for each, instead of those in the file.",
    ),
]
Port = Annotated[
    int | None,
    typer.Option(metavar="N", help="Port of the page on localhost; 0 takes a free one."),
]
Dumps = Annotated[
    bool | None,
    typer.Option(
        "--thread-dumps/--no-thread-dumps",
        help="Whether watching may take thread dumps, under guard, where one would decide.",
    ),
]


@cli.command()
def up(
    flink: Flinks = None,
    cluster: Heard = None,
    yarn: Yarns = None,
    data_dir: DataDir = None,
    database: DatabaseUrl = None,
    port: Port = None,
    thread_dumps: Dumps = None,
    kafka: Brokers = "",
    config: Config = None,
) -> None:
    """Watch Flink clusters and serve the page, until Ctrl-C."""
    with ended():
        flags = {"data_dir": data_dir, "database": database, "port": port}
        settings, rules = _prepared(config, flink or (), **flags, thread_dumps=thread_dumps)
        if kafka:
            settings = replace(settings, kafka=kafka_of(kafka, settings.kafka))
        settings = _with_yarn(settings, yarn or ())
        _run(run_up(_with_heard(settings, cluster or (), flink or ()), rules, say))


@cli.command("serve")
def share(
    flink: Flinks = None,
    yarn: Yarns = None,
    data_dir: DataDir = None,
    database: DatabaseUrl = None,
    port: Port = None,
    thread_dumps: Dumps = None,
    kafka: Brokers = "",
    config: Config = None,
) -> None:
    """Serve the page behind the watcher, sharing the work with others.

    All instances with the same consumer group and database share the clusters; each shows all.
    """
    with ended():
        flags = {"data_dir": data_dir, "database": database, "port": port}
        settings, rules = _prepared(config, flink or (), **flags, thread_dumps=thread_dumps)
        settings = replace(settings, kafka=needed_kafka(kafka, settings.kafka))
        settings = _with_yarn(settings, yarn or ())
        if not (settings.cluster or settings.yarn):
            raise SettingsError(
                "No cluster to watch: give --config FILE with [[cluster]] tables, --flink URL, or "
                "--yarn URL."
            )
        _run(run_share(settings, rules, say))


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
    with ended():
        is_url = target.lower().startswith(("http://", "https://"))
        file = Path(target)
        if not is_url and not _exists(file):
            stop(USAGE, f"{told(target)} is neither an address (http://HOST:PORT) nor a recording.")
        settings, rules = _prepared(config, [target] if is_url else ())
        if is_url:
            look = oneshot.diagnose_url(settings.cluster[0], settings, rules, job, seconds, say)
        else:
            look = oneshot.diagnose_recording(file, settings, rules, job, say)
        reports = _run(look)
        if job and len(reports) > 1:
            there = ", ".join(f"{r.job.id} on {r.job.cluster}" for r in reports)
            stop(USAGE, f"Several jobs are called {job}: choose by --job {there}.")
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
    with ended():
        settings, rules = _prepared(config, [url])
        cluster = settings.cluster[0]
        try:
            _run(oneshot.record(cluster, file, settings, rules, seconds, say))
        except FileExistsError:
            stop(USAGE, f"{file} exists already: give another name.")
        except OSError as error:
            stop(USAGE, f"Cannot make {file}: {(error.strerror or str(error)).lower()}.")
        say(f"Recorded; `drsquirrel diagnose {file}` judges it.")


@cli.command()
def explain(
    code: Annotated[str, typer.Argument(metavar="CODE", help="Code of a check or a cause.")],
    config: Config = None,
) -> None:
    """Explain a check or a cause: why it matters, how to fix it."""
    with ended():
        _, rules = _prepared(config)
        try:
            rules[code]
        except ThresholdError as error:
            stop(USAGE, f"Nothing to explain: {error} `drsquirrel rules` lists all.")
        page = RuleBook(rules).rule(code)
        assert page is not None
        sections = ((s.heading, s.text) for s in page.sections)
        thresholds = (f"{t.name} = {t.value:g} {t.unit}: {t.help}" for t in page.thresholds)
        text.render_rule(page.title, page.code, sections, thresholds, Console(highlight=False))


@cli.command()
def rules(output: As = Output.TEXT, config: Config = None) -> None:
    """List the checks and causes: code, kind, title."""
    with ended():
        _, loaded = _prepared(config)
        refs = RuleBook(loaded).rules()
        if output is Output.JSON:
            _print_json(refs)
        else:
            for ref in refs:
                print(f"{ref.code:36} {ref.kind:6} {ref.title}")


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


def _with_yarn(settings: Settings, urls: Sequence[str]) -> Settings:
    """With these YARNs instead; one that is given by its URL keeps what the file says of it."""
    named = {told.url.rstrip("/"): told for told in settings.yarn}
    chosen = tuple(named.get(url.rstrip("/"), Yarn(url=url)) for url in urls)
    return replace(settings, yarn=chosen or settings.yarn)


def _with_heard(settings: Settings, names: Sequence[str], urls: Sequence[str]) -> Settings:
    """With the clusters that are only heard; raises SettingsError where there is none at all."""
    if names:
        heard = tuple(Cluster(name=name) for name in names)
        settings = replace(settings, cluster=(*(settings.cluster if urls else ()), *heard))
    if not (settings.cluster or settings.yarn):
        raise SettingsError(
            "No cluster to watch: give --flink URL, --yarn URL, or --config FILE; with --kafka "
            "BROKERS --cluster NAME will do."
        )
    return settings


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


def main() -> None:
    """Entry point. What an encoding cannot write is shown by its number, not refused."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    cli()


if __name__ == "__main__":
    main()
