"""Reports as text for a terminal: verdict, what to do, why, the hour, the checks.

Nothing that a terminal would obey gets through, whatever a report holds.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from drsquirrel.model.report import (
    HOUR_MINUTES,
    Advice,
    Answer,
    CheckResult,
    Culprit,
    Incident,
    LastHour,
    Report,
    Strip,
)
from drsquirrel.model.verdict import Outcome, Stand, Verdict
from drsquirrel.model.yarn import YarnFacts

MARKS = {
    Verdict.FAILING: ("✖ Failing", "bold red"),
    Verdict.WARNING: ("▲ Warning", "bold yellow"),
    Verdict.UNKNOWN: ("○ Unknown", "bold"),
    Verdict.HEALTHY: ("✔ Healthy", "bold blue"),
    Verdict.ENDED: ("■ Ended", "bold"),
}
ALL_IS_WELL = (Verdict.HEALTHY, Verdict.ENDED)
OUTCOMES = {
    Outcome.FAIL: "✖ fail",
    Outcome.WARN: "▲ warn",
    Outcome.ERROR: "! error",
    Outcome.PASS: "✔ pass",
    Outcome.NOT_APPLICABLE: "– not applicable",
}
STANDS = {
    Stand.FOR: "+",
    Stand.AGAINST: "− against:",
    Stand.RULED_OUT: "− ruled out:",
    Stand.UNDECIDED: "? cannot be decided:",
}
KINDS = {"backpressure": "Backpressure", "gc": "Garbage collection"}
"""What the rows of operators and containers show; the others are called by it."""
CELLS = {".": "·", "l": "▒", "h": "█", "_": " "}
NAME_COLUMNS = 28
SENTENCE_COLUMNS = 24
"""A strip's sentence stands behind its cells where there is so much room."""
TEXT_COLUMNS = 120
"""Longer lines are hard to read."""
UNLIMITED_COLUMNS = 1_000

Line = tuple[int, Text]
"""How far a line is indented, and what it says."""


def printable(text: str) -> str:
    """Text without anything a terminal would obey: control and bidi characters are shown."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def render(reports: Sequence[Report], console: Console) -> None:
    """Print one report whole; of several the list, and the answers where not all is well."""
    if len(reports) == 1:
        _print(_answers(reports[0]), console)
        _print(_record(reports[0], _columns(console)), console)
        return
    _print(_overview(reports), console)
    for report in reports:
        if report.verdict not in ALL_IS_WELL:
            console.print()
            console.rule(characters="─" if console.is_terminal else "-")
            _print(_answers(report), console)
    if reports:
        whole = "The last hour, the checks and what is missing, of one job: --job NAME."
        _print([(0, Text()), (0, _text(whole, "dim"))], console)


def render_rule(
    title: str,
    code: str,
    sections: Iterable[tuple[str, str]],
    thresholds: Iterable[str],
    console: Console,
) -> None:
    """Print the page of a check or a cause."""
    lines: list[Line] = [(0, _text(title, "bold")), (0, _text(code, "dim"))]
    for heading, body in sections:
        lines += _section(heading, body.split("\n"))
    lines += _section("Thresholds", list(thresholds))
    _print(lines, console)


def _columns(console: Console) -> int:
    """Where nobody looks, no line is broken: a program or an editor does that better."""
    return min(console.width, TEXT_COLUMNS) if console.is_terminal else UNLIMITED_COLUMNS


def _print(lines: Iterable[Line], console: Console) -> None:
    for indent, line in lines:
        if line and console.is_terminal:
            padded = Padding(line, (0, 0, 0, indent), expand=False)
            console.print(padded, width=_columns(console))
        else:
            console.print(Text(" " * indent if line else "").append(line), soft_wrap=True)


def _text(text: str, style: str = "") -> Text:
    """A sentence with its backticked names in bold; nothing in it is taken for markup."""
    line = Text(style=style)
    for i, part in enumerate(printable(text).split("`")):
        line.append(part, "bold" if i % 2 else "")
    return line


def _name(name: str, style: str = "") -> Text:
    """A name from outside, in which a backtick is a backtick."""
    return Text(printable(name), style)


def _heading(text: str) -> Iterator[Line]:
    yield 0, Text()
    yield 0, _text(text, "bold underline")


def _section(heading: str, sentences: Sequence[str]) -> Iterator[Line]:
    if sentences:
        yield from _heading(heading)
        for sentence in sentences:
            yield 2, _text(sentence)


def _overview(reports: Sequence[Report]) -> Iterator[Line]:
    for report in reports:
        mark, style = MARKS[report.verdict]
        line = Text.assemble((f"{mark:9}  ", style), _name(report.job.name, "bold"), "  ")
        yield 0, line.append(_text(report.headline))


def _answers(report: Report) -> Iterator[Line]:
    """What is wrong, what to do, and why we think so."""
    mark, style = MARKS[report.verdict]
    run = report.run
    which = f"  {run.state}, run {run.id} of {report.job.cluster}"
    name = _name(report.job.name, "bold")
    yield 0, Text.assemble((mark, style), "  ", name, _name(which))
    yield 0, _text(report.headline, "bold")
    if report.subline:
        yield 0, _text(report.subline)
    if report.causes and (where := _place(report.causes[0].culprit)):
        yield 0, _name(f"Where: {where}")
    yield 0, _text(" · ".join(f"{label} {text}" for label, text in report.facts), "dim")
    for i, answer in enumerate(report.causes):
        yield from _answer(answer, first=i == 0)
    yield from _section("Not explained", [s.text for s in report.symptoms if not s.explained_by])
    yield from _section("Benign", [b.text for b in report.benign])
    yield from _section("Incidents of the last hour", list(_incidents(report.incidents)))


def _record(report: Report, columns: int) -> Iterator[Line]:
    """What the answers rest on: the hour, the checks, the data."""
    yield from _hour(report.hour, columns)
    yield from _checks(report.checks)
    age = "no data" if report.data.age_ms is None else f"{report.data.age_ms / 1000:.0f} s old"
    seen = f"{age}; {report.data.observed_minutes} of {HOUR_MINUTES} min seen"
    yield from _section("Data", [seen, *report.data.gaps])
    if report.yarn is not None:
        yield from _section("YARN", list(_yarn(report.yarn)))
    took = [f"{_time(a.time_ms)}: {a.what} of {a.container}: {a.result}" for a in report.actions]
    yield from _section("What we did to the cluster", took)


def _answer(answer: Answer, *, first: bool) -> Iterator[Line]:
    sure = answer.confidence.replace("_", " ")
    if not first:
        yield from _section("Also", [f"{answer.title} ({answer.code}, {sure})"])
    if answer.advice:
        yield from _heading("What to do")
    for i, advice in enumerate(answer.advice, 1):
        yield from _advice(i, advice)
    yield from _section("What will not help", answer.will_not_help)
    why = [
        f"{STANDS[e.stand]} {e.text}{f'  [{e.value}]' if e.value else ''}" for e in answer.evidence
    ]
    if answer.rivals:
        why.append(f"? It could not be told from: {', '.join(answer.rivals)}")
    yield from _section(f"Why we think so ({answer.code}, {sure})", why)


def _advice(number: int, advice: Advice) -> Iterator[Line]:
    yield 2, _text(f"{number}. {advice.title}", "bold" if advice.kind == "change" else "")
    if advice.key:
        to = f" {advice.now or '(not read)'} → {advice.to}" if advice.to else ""
        yield 5, _text(f"{advice.key}{to}")
    if advice.because:
        yield 5, _text(advice.because, "dim")
    if advice.expect:
        yield 5, _text(f"Expect: {advice.expect}", "dim")


def _place(culprit: Culprit) -> str:
    subtasks = ", ".join(map(str, culprit.subtasks))
    subtask = f"subtask{'s' if len(culprit.subtasks) > 1 else ''} {subtasks}" if subtasks else None
    parts = (culprit.vertex, culprit.operator, subtask, culprit.container, culprit.host)
    return " · ".join(dict.fromkeys(part for part in parts if part))


def _incidents(incidents: Iterable[Incident]) -> Iterator[str]:
    """Those that are told alike, such as the turns of a restart loop, in one line."""
    alike: dict[tuple[str, str, bool], list[Incident]] = {}
    for incident in incidents:
        key = (incident.title, incident.note, incident.ended_ms is None)
        alike.setdefault(key, []).append(incident)
    for (title, note, is_open), group in alike.items():
        ended = "now" if is_open else _time(max(i.ended_ms or 0 for i in group))
        times = f", {len(group)} times" if len(group) > 1 else ""
        began = _time(min(i.began_ms for i in group))
        yield f"{began} to {ended}{times}: {title}{f'. {note}' if note else ''}"


def _hour(hour: LastHour, columns: int) -> Iterator[Line]:
    """The minutes seen, one sign each; the newest of them where the terminal is narrow."""
    room = min(HOUR_MINUTES, columns - 2)
    seen = max((len(s.cells.lstrip("_")) for s in hour.strips), default=0)
    minutes = min(seen, room)
    if not minutes:
        return
    span = "hour" if minutes == HOUR_MINUTES else f"{minutes} min" if minutes > 1 else "minute"
    yield from _heading(
        f"The last {span}, one sign a minute (· clear ▒ some █ high, blank: not seen)"
    )
    if hour.sentence:
        yield 2, _text(hour.sentence)
    beside = 2 + NAME_COLUMNS + 1 + minutes + 1 + SENTENCE_COLUMNS <= columns
    kind = ""
    for strip in hour.strips:
        if strip.kind != kind and strip.kind in KINDS:
            yield 2, _text(KINDS[strip.kind], "dim")
        kind = strip.kind
        yield from _strip(strip, minutes, beside=beside)


def _strip(strip: Strip, minutes: int, *, beside: bool) -> Iterator[Line]:
    cells = Text("".join(CELLS[c] for c in strip.cells[-minutes:]))
    name, sentence = _name(strip.name), _text(strip.sentence)
    if beside:
        name.truncate(NAME_COLUMNS, overflow="ellipsis", pad=True)
        yield 2, name.append(" ").append(cells).append(" ").append(sentence)
    else:
        yield 2, name.append(": ").append(sentence)
        yield 2, cells


def _checks(checks: Sequence[CheckResult]) -> Iterator[Line]:
    assessed = [check for check in checks if check.outcome is not Outcome.NO_DATA]
    if assessed:
        yield from _heading("Checks")
    for check in assessed:
        value = f": {check.shown}" if check.shown else ""
        yield 2, _text(f"{OUTCOMES[check.outcome]}  {check.title}{value} ({check.code})")
        if check.outcome in (Outcome.FAIL, Outcome.WARN, Outcome.ERROR):
            for text in filter(None, (check.says, check.threshold)):
                yield 10, _text(text, "dim")
    yield from _missing([check for check in checks if check.outcome is Outcome.NO_DATA])


def _missing(checks: Sequence[CheckResult]) -> Iterator[Line]:
    """Why they were not assessed, and how to assess them: each said once of all it holds for."""
    alike: dict[str, dict[str, list[str]]] = {}
    for check in checks:
        why, _, how = check.says.partition(". ")
        names = alike.setdefault(why.rstrip("."), {}).setdefault(how, [])
        names.append(f"{check.title} ({check.code})")
    if alike:
        yield from _heading("Not assessed")
    for why, ways in alike.items():
        yield 2, _text(f"○ {why}:")
        for how, names in ways.items():
            yield 4, _text(f"{', '.join(names)}{f': {how}' if how else ''}", "dim")


def _yarn(facts: YarnFacts) -> Iterator[str]:
    """The application in a line, then each container in one."""
    since = f"launched {_time(facts.launched_ms)}" if facts.launched_ms else ""
    ended = f"ended {_time(facts.ended_ms)}: {facts.final_status}" if facts.ended_ms else ""
    told = (
        facts.application,
        facts.user and f"user {facts.user}",
        facts.queue and f"queue {facts.queue}",
        since,
        facts.state,
        ended,
    )
    yield _plain(" · ".join(part for part in told if part))
    if facts.diagnostics:
        yield _plain(f"YARN says: {facts.diagnostics}")
    if facts.says:
        yield facts.says
    if facts.unlisted:
        yield f"{facts.unlisted} more containers run."
    for c in facts.containers:
        how = c.state
        if c.is_over:
            code = "not known" if c.exit_code is None else str(c.exit_code)
            how = f"ended, exit code {code}{f' ({c.kill.why})' if c.kill else ''}"
            how += f", says the {c.said_by}" if c.said_by else ""
        memory = f"{c.memory_mib} MB" if c.memory_mib else ""
        vcores = f"vcores {c.vcores}" if c.vcores else ""
        yield _plain(" · ".join(part for part in (c.id, c.node, memory, vcores, how) if part))


def _plain(text: str) -> str:
    """Text from outside, in which a backtick is none."""
    return text.replace("`", "'")


def _time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%H:%M:%S} UTC"
