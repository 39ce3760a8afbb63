"""The commands. Data goes to stdout, talk to stderr; exit codes are in the help of `diagnose`."""

import asyncio
import logging
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer
from rich.console import Console

from drsquirrel import __version__, oneshot
from drsquirrel.app import up as run_app
from drsquirrel.collect.flink_rest.error import FlinkError
from drsquirrel.collect.recording import RecordingError
from drsquirrel.handbook import RuleBook
from drsquirrel.model.report import Report
from drsquirrel.model.verdict import Verdict
from drsquirrel.rules.load import Rules, ThresholdError
from drsquirrel.rules.load import load as load_rules
from drsquirrel.serve.server import ListenError
from drsquirrel.settings import Cluster, Settings, SettingsError
from drsquirrel.settings import load as load_settings
from drsquirrel.show import text
from drsquirrel.store.error import StoreError

FOUND, USAGE, NOT_EVALUATED, INTERRUPTED = 1, 2, 3, 130
WRONG = (SettingsError, ThresholdError, ListenError, StoreError)
NOT_THERE = (FlinkError, RecordingError, oneshot.NothingToJudgeError)

cli = typer.Typer(
    name="drsquirrel",
    help="Says whether a Flink job is healthy, why not, and what to change.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Output(StrEnum):
    """How a result is written."""

    TEXT = "text"
    JSON = "json"


class FailOn(StrEnum):
    """From which verdict on `diagnose` exits with 1."""

    WARN = "warn"
    FAIL = "fail"


Config = Annotated[
    Path | None, typer.Option("--config", help="Settings file (TOML).", metavar="FILE")
]
As = Annotated[Output, typer.Option("--output", "-o", help="text or json.")]


@cli.command()
def up(
    flink: Annotated[
        list[str] | None,
        typer.Option(help="Address of a Flink cluster's REST API; give it once per cluster."),
    ] = None,
    data_dir: Annotated[str | None, typer.Option(help="Where the database lies.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the page; 0 takes a free one.")] = None,
    thread_dumps: Annotated[
        bool | None,
        typer.Option(
            "--thread-dumps/--no-thread-dumps",
            help="Whether watching may take thread dumps, under guard, where one would decide.",
        ),
    ] = None,
    config: Config = None,
) -> None:
    """Watch Flink clusters and serve the page, until Ctrl-C."""
    settings, rules = _prepared(
        config, flink, data_dir=data_dir, port=port, thread_dumps=thread_dumps
    )
    if not settings.cluster:
        _stop(USAGE, "No cluster to watch: give --flink URL, or [[cluster]] in the settings file.")
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        asyncio.run(run_app(settings, rules, _say))
    except (*WRONG, FlinkError) as error:
        _stop(USAGE, str(error))


@cli.command()
def diagnose(
    target: Annotated[
        str, typer.Argument(help="A Flink REST address, a running Dr. Squirrel, or a recording.")
    ],
    job: Annotated[str, typer.Option(help="JobID or name of one job; all if not given.")] = "",
    output: As = Output.TEXT,
    fail_on: Annotated[
        FailOn, typer.Option(help="The verdict from which on exit is 1.")
    ] = FailOn.WARN,
    seconds: Annotated[
        float, typer.Option(min=1, max=3600, help="How long to look at a cluster, at most.")
    ] = 60.0,
    config: Config = None,
) -> None:
    """Diagnose the jobs of a cluster once.

    Exit codes: 0 nothing found, 1 a finding, 2 wrong usage, 3 could not evaluate, 130 interrupted.
    """
    file = Path(target)
    is_url = target.startswith(("http://", "https://"))
    if not is_url and not file.exists():
        _stop(USAGE, f"{target} is neither an address (http://host:port) nor a recording.")
    settings, rules = _prepared(config, [target] if is_url else None)
    if is_url:
        look = oneshot.diagnose_url(settings.cluster[0], settings, rules, job, seconds, _say)
    else:
        look = oneshot.diagnose_recording(file, settings, rules, job, _say)
    try:
        reports = asyncio.run(look)
    except NOT_THERE as error:
        _stop(NOT_EVALUATED, str(error))
    except KeyboardInterrupt:
        _stop(INTERRUPTED, "Interrupted.")
    _print(reports, output, one=bool(job))
    raise typer.Exit(_exit_code(reports, fail_on))


@cli.command()
def record(
    url: Annotated[str, typer.Argument(help="A Flink REST address.")],
    file: Annotated[Path, typer.Argument(help="The recording to write; must not exist yet.")],
    seconds: Annotated[float, typer.Option(min=1, max=86_400, help="How long to record.")] = 60.0,
    config: Config = None,
) -> None:
    """Record what a diagnosis needs, secrets taken out, for `diagnose FILE`."""
    settings, rules = _prepared(config, [url])
    try:
        asyncio.run(oneshot.record(settings.cluster[0], file, settings, rules, seconds, _say))
    except FileExistsError:
        _stop(USAGE, f"{file} exists already: give another name.")
    except KeyboardInterrupt:
        _stop(INTERRUPTED, f"Interrupted; what was recorded until now is in {file}.")
    except NOT_THERE as error:
        _stop(NOT_EVALUATED, str(error))
    _say(f"Recorded to {file}.")


@cli.command()
def explain(
    code: Annotated[str, typer.Argument(help="Code of a check or a cause.")],
    config: Config = None,
) -> None:
    """Explain a check or a cause: what it means, why it matters, how to fix it."""
    _, rules = _prepared(config, None)
    page = RuleBook(rules).rule(code)
    if page is None:
        try:
            rules[code]
        except ThresholdError as error:
            _stop(USAGE, f"{error}. See `drsquirrel rules`.")
        return
    thresholds = (f"{t.name} = {t.value:g} {t.unit}: {t.help}" for t in page.thresholds)
    sections = ((s.heading, s.text) for s in page.sections)
    text.render_rule(page.title, page.code, sections, thresholds, Console(highlight=False))


@cli.command()
def rules(output: As = Output.TEXT, config: Config = None) -> None:
    """List the checks and causes: code, kind, title."""
    _, loaded = _prepared(config, None)
    refs = RuleBook(loaded).rules()
    if output is Output.JSON:
        print(msgspec.json.encode(refs).decode())
        return
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
    config: Path | None, urls: list[str] | None, **flags: object
) -> tuple[Settings, Rules]:
    """Settings and rules, or exit 2 with the sentence that says what is wrong."""
    try:
        settings = load_settings(config, flags)
        if urls:
            named = {c.url: c for c in settings.cluster}
            chosen = tuple(named.get(url, Cluster(url=url)) for url in urls)
            settings = msgspec.structs.replace(settings, cluster=chosen)
        return settings, load_rules(settings.thresholds)
    except WRONG as error:
        _stop(USAGE, str(error))


def _exit_code(reports: list[Report], fail_on: FailOn) -> int:
    verdicts = {r.verdict for r in reports}
    if Verdict.FAILING in verdicts:
        return FOUND
    if Verdict.WARNING in verdicts and fail_on is FailOn.WARN:
        return FOUND
    return NOT_EVALUATED if Verdict.UNKNOWN in verdicts else 0


def _print(reports: list[Report], output: Output, *, one: bool) -> None:
    """A job that was asked for by name is one document; without a name there is a list."""
    if output is Output.JSON:
        print(msgspec.json.encode(reports[0] if one else reports).decode())
        return
    console = Console(highlight=False)
    for i, report in enumerate(reports):
        if i:
            console.rule()
        text.render(report, console)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _stop(code: int, sentence: str) -> NoReturn:
    _say(f"drsquirrel: {sentence}")
    raise typer.Exit(code)


def main() -> None:
    """Entry point."""
    cli()


if __name__ == "__main__":
    main()
