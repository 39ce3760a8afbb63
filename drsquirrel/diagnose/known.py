"""How much is known of a run: age and completeness of the data, and the line of facts."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal

from drsquirrel.diagnose.container import JOBMANAGER
from drsquirrel.diagnose.hour import MeasuredHour
from drsquirrel.diagnose.inquiry import Inquiry
from drsquirrel.diagnose.now import Now
from drsquirrel.diagnose.standing import STALE_ROUNDS, clock
from drsquirrel.diagnose.strategy import in_words
from drsquirrel.model.case import Case
from drsquirrel.model.report import Data, Source
from drsquirrel.model.snapshot import WINDOW_MS
from drsquirrel.rules.wording import count, duration, plural, process_name

LATE_ROUNDS = 2
YARN_MS = 20_000
"""So often YARN is asked about an application, or more often."""
PLAN_MS = 600_000
"""So often plan and settings are asked for."""
REFRESH_MS = 10_000
"""Flink brings its counters up to date every 10 s at most."""
LIMITS_GAP = "Container memory and CPU limits: nothing is judged by them yet."
LOGS_GAP = (
    "Logs: not in Flink's REST beyond its exception history; the plugin sends them through Kafka."
)
OLD_LOGS_GAP = "Logs: no new lines come in; those that came before are listed."
DUMPS_GAP = (
    "Thread dumps: not taken while watching, unless `--thread-dumps` allows it; "
    "`drsquirrel diagnose` takes them."
)
ALONE_GAP = (
    "Flink's REST tells nothing: what is told here comes from what processes send by themselves."
)
NEVER_GAP = (
    "The plan, the names of vertices, checkpoint settings, thread dumps: only Flink's REST tells "
    "them, and nothing has come from there. Without them nothing is said of bottlenecks and "
    "checkpoints."
)
LATE_GAP = (
    "All this is as of {}: the watcher tells what processes send once a window of five minutes is "
    "over, and what came later is not all told yet."
)
PLUGIN = "Plugin, through Kafka"
LOOK_AT = "Flink's log says whether the plugin reaches Kafka."
NAMED = 3
CLOCK_MINUTES = 3
LOST_WORDS = {
    "queue_full": "too many waited for Kafka",
    "bytes_full": "too many bytes waited for Kafka",
    "too_large": "too large",
    "no_topic": "a topic was missing",
    "refused": "refused by Kafka",
    "closed": "the process was ending",
    "unreadable": "could not be made",
}
"""Why a message of the plugin was lost, by its word for it."""
CHECK_TOPICS = " `drsquirrel topics check` says whether one still is."


def data_of(
    inquiry: Inquiry,
    hour: MeasuredHour,
    case: Case,
    now: Now | None,
    holding: frozenset[str],
    broken: Iterable[str],
) -> Data:
    """Age and completeness. `holding` are the processes that hold subtasks of the run; `broken` are
    rules that broke and so said nothing."""
    expected = inquiry.expected
    now_ms = hour.now_ms + expected.late_ms
    last_ms = expected.last_answer_ms
    silent_ms = None if last_ms is None else max(0, now_ms - last_ms)
    rest = _source("Flink REST", silent_ms, expected.interval_ms, says=expected.cluster_says)
    sources = [rest]
    if inquiry.looked is not None and inquiry.ended_ms is None:
        found_ms, says = inquiry.looked
        plan_ms = None if found_ms is None else max(0, now_ms - found_ms)
        sources.append(_source("Plan and settings", plan_ms, PLAN_MS, says))
    told_ms = expected.told_ms
    age_ms = None if told_ms is None else max(0, now_ms - told_ms)
    if now and age_ms is not None and case.all_running is True and not case.warming_up:
        counted = now.counters_age_ms
        every_ms = expected.plugin_interval_ms if expected.late_ms else expected.interval_ms
        age_ms = None if counted is None else age_ms + counted
        sources.append(_source("Flink's counters", age_ms, every_ms, case.frozen, REFRESH_MS))
    if inquiry.yarn is not None:
        told = inquiry.yarn
        says = told.says or ("Its application is over." if told.is_over else "")
        sources.append(_source("YARN", max(0, now_ms - told.taken_ms), YARN_MS, says))
    gaps = [LIMITS_GAP]
    if expected.heard_ms is not None:
        gaps.insert(0, NEVER_GAP if expected.never_answered else ALONE_GAP)
    if expected.late_ms:
        gaps.insert(0, LATE_GAP.format(clock(hour.now_ms)))
    if expected.plugin is not None and inquiry.ended_ms is None:
        answers = rest.state in ("fresh", "late")
        sources.append(_plugin(inquiry, holding, now_ms, over_rest=answers))
    came = any(rollup.logs for rollup in inquiry.rollups.values())
    come = bool(holding & set(expected.plugin or ()))
    if not come:
        gaps.append(OLD_LOGS_GAP if came else LOGS_GAP)
    if not (inquiry.dumps_allowed or expected.never_answered):
        gaps.append(DUMPS_GAP)
    if expected.ahead_ms:
        way = "ahead of" if expected.ahead_ms > 0 else "behind"
        off = duration(abs(expected.ahead_ms))
        gaps.append(f"The JobManager's clock is {off} {way} ours: its times are told by ours.")
    gaps += _clocks(inquiry)
    gaps += [f"A rule broke and was left out: {what}." for what in broken]
    return Data(
        age_ms=age_ms,
        observed_minutes=hour.observed,
        sources=tuple(sources),
        gaps=tuple(gaps),
        logs=come or came,
        clock_ahead_ms=expected.ahead_ms,
    )


def _plugin(inquiry: Inquiry, holding: frozenset[str], now_ms: int, *, over_rest: bool) -> Source:
    """What the processes of the run send themselves; as old as what came last of the oldest.
    `over_rest`: REST lists the others, and tells their metrics."""
    there = {c for c in holding if not _is_gone(inquiry, c)}
    heard = {c: ms for c, ms in (inquiry.expected.plugin or {}).items() if c in there}
    of = f"{count(len(heard))} of {count(len(there))} processes of this run"
    silent = sorted(there - heard.keys(), key=lambda c: (c != JOBMANAGER, c))
    if not heard:
        read = ": their metrics are read over REST" if over_rest else ""
        says = f"Nothing comes from the processes of this run{read}."
    elif not silent:
        says = f"{of} send their metrics and logs."
        if there == {JOBMANAGER}:
            says = "The JobManager sends its metrics and logs."
    else:
        its, it, does = ("its", "it", "Does") if len(silent) == 1 else ("their", "them", "Do")
        ask = f". {does} {'it' if it == 'it' else 'they'} run, and with the plugin?"
        if over_rest:
            ask = f"; {its} metrics are read over REST. Is the plugin in {it}?"
        says = f"{of} send their metrics and logs. Nothing comes from {_names(silent)}{ask}"
        if inquiry.expected.plugin_interval_ms >= WINDOW_MS:
            says += " The watcher tells of a new process within six minutes."
    lost = Counter[str]()
    for process in heard.keys() & inquiry.processes.keys():
        lost.update(inquiry.processes[process].lost)
    age_ms = max(0, now_ms - min(heard.values())) if heard else None
    says += _lost(lost)
    if trouble := inquiry.expected.kafka_says or ("" if heard else LOOK_AT):
        says = f"{says} {trouble}"
    expected = inquiry.expected
    return _source(PLUGIN, age_ms, expected.plugin_interval_ms or expected.interval_ms, says)


def _clocks(inquiry: Inquiry) -> Iterator[str]:
    """What is told by clocks that are too far off to be believed."""
    off_ms: dict[str, int] = {}
    for minute in sorted(inquiry.rollups)[-CLOCK_MINUTES:]:
        for container, _, distance_ms in inquiry.rollups[minute].skewed:
            off_ms[container] = max(distance_ms, off_ms.get(container, 0))
    if off_ms:
        clocks = "clock of {} is" if len(off_ms) == 1 else "clocks of {} are"
        off = clocks.format(_names(sorted(off_ms)))
        most = duration(max(off_ms.values()))
        yield f"The {off} off by up to {most}: what is told by it counts from when it came."


def _is_gone(inquiry: Inquiry, container: str) -> bool:
    known = inquiry.processes.get(container)
    return known is not None and known.now.gone_ms is not None


def _names(containers: Sequence[str]) -> str:
    """Some processes by name: "the JobManager, `tm-1` and 4 more"."""
    named = [process_name(c) for c in containers[:NAMED]]
    more = len(containers) - NAMED
    *first, last = named if more <= 0 else [*named, f"{count(more)} more"]
    return f"{', '.join(first)} and {last}" if first else last


def _lost(lost: Counter[str]) -> str:
    if not lost:
        return ""
    why = ", ".join(f"{LOST_WORDS[reason]}: {count(n)}" for reason, n in lost.most_common())
    check = CHECK_TOPICS if "no_topic" in lost else ""
    return f" {count(lost.total())} of their messages were lost since they began ({why}).{check}"


def _source(
    name: str, age_ms: int | None, interval_ms: int, says: str, slack_ms: int = 0
) -> Source:
    state: Literal["fresh", "late", "stale", "missing"] = "fresh"
    if age_ms is None:
        state = "missing"
    elif age_ms > STALE_ROUNDS * interval_ms + slack_ms:
        state = "stale"
    elif age_ms > LATE_ROUNDS * interval_ms + slack_ms:
        state = "late"
    return Source(name=name, state=state, age_ms=age_ms, says=says)


def facts_of(inquiry: Inquiry, holding: frozenset[str]) -> list[tuple[str, str]]:
    """The line of facts; `holding` are the processes that hold subtasks of the run."""
    facts = inquiry.facts
    started = datetime.fromtimestamp(inquiry.started_ms / 1000, UTC)
    found = [
        ("cluster", inquiry.job.cluster),
        ("Flink", inquiry.run.flink_version),
        ("heard since" if inquiry.seen.is_heard else "started", f"{started:%Y-%m-%d %H:%M} UTC"),
    ]
    if facts:
        tasks = count(sum(v.parallelism for v in facts.vertices))
        n = len(facts.vertices)
        found.append(("tasks", f"{tasks} in {plural(n, 'vertex') if n == 1 else f'{n} vertices'}"))
        settings = facts.checkpoints
        told = "off"
        if settings:
            timeout = duration(settings.timeout_ms)
            told = f"every {duration(settings.interval_ms)}, time-out {timeout}"
        found += [("checkpoints", told), ("restarts", in_words(facts.restart_strategy))]
    held = [
        p
        for c, p in inquiry.processes.items()
        if c in holding and p.now.is_taskmanager and p.now.gone_ms is None
    ]
    if held:
        found.append(("TaskManagers", count(len(held))))
    return [(label, text) for label, text in found if text]
