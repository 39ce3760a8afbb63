"""The report in a terminal: wide, narrow, without colour, with names that attack the terminal."""

import io
import re
import unicodedata

import pytest
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console

from drsquirrel.model.report import CheckResult, Culprit, LastHour, Report
from drsquirrel.model.verdict import Confidence, Outcome, Verdict
from drsquirrel.show.text import printable, render, render_rule
from tests.show.page.hostile import NAMES, hostile
from tests.show.page.killed_on_yarn import killed_on_yarn
from tests.show.page.slow_sink import slow_sink

STYLE = re.compile(r"\x1b\[[0-9;]*m")
COLOUR = re.compile(r"\x1b\[(\d+;)*3[0-7][;m]")
ATTACKS = (
    "\x1b[31mred",
    "\x1b]52;c;aGFjaw==\x07",
    "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "\x1b]0;title\x07",
    "\x9b31mC1",
    "\u202egnp.exe",
    "\u2066isolated\u2069",
    "[red]markup[/red]",
    "[link=http://evil.example]x[/link]",
    "a\rb\x08c\x7fd",
    "\ud800",
)


def shown(*reports: Report, width: int | None = None) -> str:
    """What is printed: to a pipe, or to a terminal so wide."""
    out = io.StringIO()
    terminal = width is not None
    console = Console(
        file=out, force_terminal=terminal, width=width, highlight=False, color_system="standard"
    )
    if not terminal:
        console = Console(file=out, highlight=False)
    render(reports, console)
    return out.getvalue()


def obeyed(text: str) -> list[str]:
    """Characters a terminal may obey, beside ends of lines and the styles we set."""
    plain = STYLE.sub("", text).replace("\n", "")
    return [c for c in plain if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


def named(name: str) -> Report:
    """A report in which this name stands wherever a text can stand."""
    report = hostile()
    strips = tuple(replace(s, name=name, sentence=name) for s in report.hour.strips[:2])
    return replace(
        report,
        job=replace(report.job, name=name, cluster=name),
        headline=name,
        subline=name,
        hour=replace(report.hour, sentence=name, strips=strips),
        facts=[(name, name)],
    )


def test_a_pipe_gets_plain_lines_that_are_not_broken() -> None:
    text = shown(slow_sink())
    assert "\x1b" not in text
    [long] = [line for line in text.split("\n") if "One call takes 3.1 ms" in line]
    assert long.endswith("the sources bring 41,000.") and cell_len(long) > 100
    assert not [line for line in text.split("\n") if line != line.rstrip()]


def test_everything_that_matters_is_said_in_the_order_in_which_it_matters() -> None:
    text = shown(slow_sink())
    order = [
        "✖ Failing  orders-enrichment",
        "The sink Sink: warehouse answers too slowly",
        "What to do",
        "sink.buffer-flush.max-rows 100 → 2000",
        "What will not help",
        "Why we think so (sink-slow, likely)",
        "+ busy while everything upstream waits for it  [98 % since 13:41 UTC]",
        "Also\n  A few keys carry most records into Sink: warehouse (hot-key, cannot tell)",
        "Not explained",
        "Benign",
        "Incidents of the last hour\n  13:12:00 UTC to 13:13:00 UTC: A TaskManager was lost",
        "The last hour, one sign a minute",
        "Source: orders               ····",
        "✖ fail  Records wait in the source: 3.7 min (source-lag-growing)",
        "fails from 3 min behind",
        "✔ pass  The job runs (job-not-running)",
        "Not assessed",
        "It will be assessed after 10 minutes of data.",
        "6 s old; 60 of 60 min seen",
        "What we did to the cluster\n  13:47:00 UTC: thread dump of tm-1",
    ]
    places = [text.find(part) for part in order]
    assert -1 not in places, order[places.index(-1)]
    assert places == sorted(places)


def test_an_answer_that_could_not_be_told_from_another_says_so() -> None:
    report = slow_sink()
    cause = replace(report.causes[0], rivals=("hot-key",), confidence=Confidence.CANNOT_TELL)
    text = shown(replace(report, causes=[cause]))
    assert "? It could not be told from: hot-key" in text
    assert "Why we think so (sink-slow, cannot tell)" in text


def test_the_place_of_the_first_cause_is_told_once() -> None:
    report = slow_sink()
    assert "\nWhere: Sink: warehouse\n" in shown(report)
    culprit = Culprit(vertex="map", operator="map", subtasks=(1, 3), container="tm-1", host="h")
    [first, *others] = report.causes
    moved = replace(report, causes=[replace(first, culprit=culprit), *others])
    assert "\nWhere: map · subtasks 1, 3 · tm-1 · h\n" in shown(moved)
    nowhere = replace(report, causes=[replace(first, culprit=Culprit())])
    assert "Where:" not in shown(nowhere) and "Where:" not in shown(replace(report, causes=[]))


def test_each_piece_of_evidence_says_which_way_it_points_and_each_advice_what_to_expect() -> None:
    text = shown(slow_sink())
    assert "  − ruled out: garbage collection  [0.4 % of the time]" in text
    assert "  − against: the cost of a record rose before" in text
    assert "  ? cannot be decided: a noisy neighbour on" in text
    assert "     Expect: busy below 70 % within two minutes" in text


def test_incidents_that_are_told_alike_are_one_line() -> None:
    report = slow_sink()
    [one] = report.incidents
    later = replace(one, began_ms=one.began_ms + 600_000, ended_ms=one.began_ms + 630_000)
    is_open = replace(later, ended_ms=None)
    text = shown(replace(report, incidents=[later, one, is_open]))
    title = "A TaskManager was lost and replaced. Reason not visible from here: "
    assert f"  13:12:00 UTC to 13:22:30 UTC, 2 times: {title}" in text
    assert f"  13:22:00 UTC to now: {title}" in text


def test_checks_without_data_say_why_and_how_to_assess_them_once_where_it_is_the_same() -> None:
    says = {
        "a": "Seen in 2 of the last 60 minutes; it takes 10. Watch the job.",
        "b": "Seen in 2 of the last 60 minutes; it takes 10. Watch the job.",
        "c": "Seen in 2 of the last 60 minutes; it takes 10. Needs a source.",
        "d": "Not seen in the last hour.",
    }
    missing = CheckResult(code="", section="", title="", outcome=Outcome.NO_DATA)
    checks = [replace(missing, code=c, title=c.upper(), says=s) for c, s in says.items()]
    assert (
        shown(replace(slow_sink(), checks=checks))
        .partition("Not assessed\n")[2]
        .startswith(
            "  ○ Seen in 2 of the last 60 minutes; it takes 10:\n"
            "    A (a), B (b): Watch the job.\n"
            "    C (c): Needs a source.\n"
            "  ○ Not seen in the last hour:\n"
            "    D (d)\n"
        )
    )


def test_what_yarn_tells_of_the_application_and_its_containers_is_a_section() -> None:
    lines = shown(killed_on_yarn()).partition("\nYARN\n")[2].splitlines()
    assert lines[:4] == [
        "  application_1795435612914_0001 · user flink · queue root.default · launched 09:10:00 "
        "UTC · RUNNING",
        "  container_1795435612914_0001_01_000001 · nm1.example:8042 · 704 MB · vcores 1 · RUNNING",
        "  container_1795435612914_0001_01_000006 · nm1.example:8042 · 832 MB · vcores 1 · RUNNING",
        "  container_1795435612914_0001_01_000005 · nm1.example:8042 · 832 MB · vcores 1 · ended, "
        "exit code -104 (physical-memory), says the NodeManager",
    ]
    assert lines[4].endswith("ended, exit code not known")
    assert "\nYARN\n" not in shown(slow_sink())


def test_of_an_application_that_is_over_it_is_said_how() -> None:
    report = killed_on_yarn()
    assert report.yarn is not None
    over = replace(
        report.yarn,
        state="FAILED",
        final_status="FAILED",
        ended_ms=report.made_ms,
        diagnostics="exitCode: `-104`",
        says="The NodeManager `nm1` does not answer.",
        unlisted=7,
    )
    text = shown(replace(report, yarn=over))
    assert " · FAILED · ended 14:03:20 UTC: FAILED\n" in text
    assert "  YARN says: exitCode: '-104'\n  The NodeManager nm1 does not answer.\n" in text
    assert "  7 more containers run.\n" in text


def test_of_several_jobs_there_is_a_list_and_the_healthy_ones_are_not_told_at_length() -> None:
    sick = slow_sink()
    well = replace(sick, verdict=Verdict.HEALTHY, headline="Nothing found.", causes=[])
    well = replace(well, job=replace(sick.job, name="quiet"))
    text = shown(sick, well)
    assert text.startswith("✖ Failing  orders-enrichment  The sink")
    assert "\n✔ Healthy  quiet  Nothing found.\n" in text
    assert "--job NAME" in text
    assert text.count("What to do") == 1 and "✔ Healthy  quiet  RUNNING" not in text
    assert "one sign a minute" not in text and "Not assessed" not in text


@pytest.mark.parametrize("width", [20, 40, 64, 80, 120, 300])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    for report in (slow_sink(), hostile(), named("ein sehr langer Name " * 9)):
        for line in STYLE.sub("", shown(report, report, width=width)).split("\n"):
            assert cell_len(line) <= width, line


def test_a_narrow_terminal_shows_the_newest_minutes_under_the_name() -> None:
    lines = STYLE.sub("", shown(slow_sink(), width=40)).split("\n")
    at = lines.index("  price-lookup: 21 of 60 min high")
    assert lines[at + 1] == f"  {'·' * 16}▒{'█' * 21}"
    assert any("The last 38 min" in line for line in lines)


def test_a_wide_terminal_keeps_lines_short_enough_to_read() -> None:
    text = STYLE.sub("", shown(slow_sink(), width=300))
    assert max(cell_len(line) for line in text.split("\n")) <= 120


def test_only_minutes_that_were_seen_take_room() -> None:
    report = slow_sink()
    strips = tuple(replace(s, cells="_" * 57 + s.cells[57:]) for s in report.hour.strips)
    text = shown(replace(report, hour=replace(report.hour, strips=strips)))
    assert "The last 3 min, one sign a minute" in text
    assert f"  {'price-lookup':28} ███ 21 of 60 min high\n" in text


def test_an_hour_of_which_nothing_was_seen_is_left_out() -> None:
    assert "one sign a minute" not in shown(replace(slow_sink(), hour=LastHour(from_ms=0)))


def test_strips_of_names_in_wide_characters_stand_below_each_other() -> None:
    report = slow_sink()
    first, second, *_ = report.hour.strips
    wide = replace(first, name="数据源-订单-数据源-订单-数据源-订单-数据源")
    hour = replace(report.hour, strips=(wide, second))
    lines = [line for line in shown(replace(report, hour=hour)).split("\n") if "····" in line]
    assert [cell_len(line[: line.index("·")]) for line in lines] == [31, 31]


@pytest.mark.parametrize("name", [*ATTACKS, *NAMES], ids=repr)
@pytest.mark.parametrize("width", [None, 80])
def test_a_hostile_name_is_shown_and_not_obeyed(name: str, width: int | None) -> None:
    text = shown(named(name), named(name), width=width)
    assert obeyed(text) == []
    if name.startswith("[") and width is None:
        assert f"{name}\n" in text


def test_names_that_attack_leave_no_trace_in_a_whole_report() -> None:
    assert obeyed(shown(hostile())) == []
    assert obeyed(shown(hostile(), width=80)) == []


def test_what_is_made_visible_is_told_by_its_number() -> None:
    assert printable("a\x1b[31m\u202eb\U000e0001 ü数") == "a\\u001b[31m\\u202eb\\ue0001 ü数"


def test_colour_is_only_for_terminals_and_only_without_no_color(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert COLOUR.search(shown(slow_sink(), width=80))
    monkeypatch.setenv("NO_COLOR", "1")
    without = shown(slow_sink(), width=80)
    assert not COLOUR.search(without)
    assert "✖ Failing" in STYLE.sub("", without)


def test_every_verdict_and_outcome_is_told_apart_without_colour() -> None:
    report = slow_sink()
    firsts = {shown(replace(report, verdict=v)).split("  ")[0] for v in Verdict}
    assert len(firsts) == len(Verdict)
    check = report.checks[0]
    texts = {shown(replace(report, checks=[replace(check, outcome=o)])) for o in Outcome}
    assert len(texts) == len(Outcome)


def test_the_page_of_a_rule_has_its_sections_and_thresholds() -> None:
    out = io.StringIO()
    sections = [("Why it is bad", "First line.\nSecond [b]line[/b]."), ("How to fix", "So.")]
    render_rule("Title", "the-code", sections, ["share = 0.5  : Warn."], Console(file=out))
    assert out.getvalue() == (
        "Title\nthe-code\n\nWhy it is bad\n  First line.\n  Second [b]line[/b].\n"
        "\nHow to fix\n  So.\n\nThresholds\n  share = 0.5  : Warn.\n"
    )
