"""The report as text for a terminal: verdict, what to do, why, the hour, the checks."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from drsquirrel.model.report import Answer, CheckResult, Report
from drsquirrel.model.verdict import Outcome, Stand, Verdict

MARKS = {
    Verdict.FAILING: ("✖", "Failing", "bold red"),
    Verdict.WARNING: ("▲", "Warning", "bold yellow"),
    Verdict.UNKNOWN: ("○", "Unknown", "bold"),
    Verdict.HEALTHY: ("✔", "Healthy", "bold blue"),
    Verdict.ENDED: ("■", "Ended", "bold"),
}
OUTCOMES = {
    Outcome.FAIL: "✖ fail",
    Outcome.WARN: "▲ warn",
    Outcome.ERROR: "! error",
    Outcome.NO_DATA: "○ not assessed",
    Outcome.PASS: "✔ pass",
    Outcome.NOT_APPLICABLE: "– not applicable",
}
STANDS = {Stand.FOR: "+", Stand.AGAINST: "−", Stand.RULED_OUT: "−", Stand.UNDECIDED: "?"}
CELLS = {".": "·", "l": "▒", "h": "█", "_": " "}
NAME_COLUMNS = 28


def render(report: Report, console: Console) -> None:
    """Print one report."""
    for indent, line in _lines(report):
        console.print(Padding(line, (0, 0, 0, indent)), soft_wrap=console.width < 40)


def render_rule(
    title: str,
    code: str,
    sections: Iterable[tuple[str, str]],
    thresholds: Iterable[str],
    console: Console,
) -> None:
    """Print the page of a check or a cause."""
    console.print(Text(title, "bold"), Text(code, "dim"))
    for heading, body in sections:
        console.print(Text(f"\n{heading}", "bold underline"))
        console.print(Padding(Text(body), (0, 0, 0, 2)))
    told = list(thresholds)
    if told:
        console.print(Text("\nThresholds", "bold underline"))
    for line in told:
        console.print(Padding(Text(line), (0, 0, 0, 2)))


def _sentence(text: str, style: str = "") -> Text:
    """A sentence with its backticked names in bold; nothing in it is taken for markup."""
    line = Text(style=style)
    for i, part in enumerate(text.split("`")):
        line.append(part, "bold" if i % 2 else "")
    return line


def _lines(report: Report) -> Iterator[tuple[int, Text]]:
    mark, word, style = MARKS[report.verdict]
    yield 0, Text.assemble((f"{mark} {word}", style), "  ", *_plain_name(report))
    yield 0, _sentence(report.headline, "bold")
    if report.subline:
        yield 0, _sentence(report.subline)
    yield 0, Text(" · ".join(f"{label} {text}" for label, text in report.facts), "dim")
    for i, answer in enumerate(report.causes):
        yield from _answer(answer, first=i == 0)
    yield from _section("Not explained", [s.text for s in report.symptoms if not s.explained_by])
    yield from _section("Benign", [b.text for b in report.benign])
    yield from _incidents(report)
    yield from _hour(report)
    yield from _checks(report.checks)
    age = "no data" if report.data.age_ms is None else f"{report.data.age_ms / 1000:.0f} s old"
    yield from _section("Data", [f"{age}; {report.data.observed_minutes} of 60 min seen"])
    for gap in report.data.gaps:
        yield 2, _sentence(gap, "dim")
    took = [f"{_time(a.time_ms)} {a.what} of `{a.container}`: {a.result}" for a in report.actions]
    yield from _section("What we did to the cluster", took)


def _plain_name(report: Report) -> Iterator[str]:
    yield _shown(report.job.name)
    yield f"  {report.run.state}, run {report.run.id} of {_shown(report.job.cluster)}"


def _shown(name: str) -> str:
    """A name from outside without anything a terminal would obey."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in name)


def _heading(text: str) -> tuple[int, Text]:
    return 0, Text(f"\n{text}", "bold underline")


def _section(heading: str, sentences: list[str]) -> Iterator[tuple[int, Text]]:
    if sentences:
        yield _heading(heading)
        for sentence in sentences:
            yield 2, _sentence(sentence)


def _answer(answer: Answer, *, first: bool) -> Iterator[tuple[int, Text]]:
    if not first:
        yield _heading("Also")
        yield 2, _sentence(f"{answer.title} ({answer.confidence}, {answer.code})")
    if answer.advice:
        yield _heading("What to do")
    for i, advice in enumerate(answer.advice, 1):
        yield 2, _sentence(f"{i}. {advice.title}", "bold" if advice.kind == "change" else "")
        if advice.key:
            to = f" {advice.now or '(not read)'} → {advice.to}" if advice.to else ""
            yield 5, Text(f"{advice.key}{to}")
        for text in (advice.because, advice.expect):
            if text:
                yield 5, _sentence(text, "dim")
    yield from _section("What will not help", list(answer.will_not_help))
    if answer.evidence:
        yield _heading(f"Why we think so ({answer.code}, {answer.confidence})")
    for item in answer.evidence:
        value = f"  [{item.value}]" if item.value else ""
        yield 2, _sentence(f"{STANDS[item.stand]} {item.text}{value}")


def _incidents(report: Report) -> Iterator[tuple[int, Text]]:
    told = []
    for incident in report.incidents:
        ended = _time(incident.ended_ms) if incident.ended_ms else "now"
        told.append(f"{_time(incident.began_ms)}–{ended} {incident.title}")
    yield from _section("Incidents of the last hour, over by now", told)


def _hour(report: Report) -> Iterator[tuple[int, Text]]:
    yield _heading("The last hour (· clear ▒ some █ high, blank: not seen)")
    for strip in report.hour.strips:
        name = _shown(strip.name)
        name = name if len(name) <= NAME_COLUMNS else f"{name[: NAME_COLUMNS - 1]}…"
        cells = "".join(CELLS[c] for c in strip.cells)
        line = Text(f"{name:{NAME_COLUMNS}} {cells} ")
        yield 2, line.append(_sentence(strip.sentence))
    if report.hour.sentence:
        yield 2, _sentence(report.hour.sentence)


def _checks(checks: list[CheckResult]) -> Iterator[tuple[int, Text]]:
    yield _heading("Checks")
    for check in checks:
        value = f" {check.shown}" if check.shown else ""
        yield 2, _sentence(f"{OUTCOMES[check.outcome]:16} {check.title}{value} ({check.code})")
        if check.outcome in (Outcome.FAIL, Outcome.WARN, Outcome.ERROR, Outcome.NO_DATA):
            for text in (check.says, check.threshold):
                if text:
                    yield 19, _sentence(text, "dim")


def _time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%H:%M:%S}"
