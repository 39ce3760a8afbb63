"""What looks like trouble and is none, known by name: DIAGNOSIS.md section 2."""

from collections.abc import Iterator

from drsquirrel.diagnose.episode import is_rescale
from drsquirrel.diagnose.standing import clock, is_restarting, is_starting
from drsquirrel.model.case import Case
from drsquirrel.model.report import Benign, quoted
from drsquirrel.model.unknown import Unknown
from drsquirrel.rules.wording import plural


def benign_of(case: Case, in_burst: bool, *, is_explained: bool) -> Iterator[Benign]:
    """The benign states a run is in, or (a rescale) was in during the hour. A start that fails for
    a known reason (`is_explained`) is none."""
    if is_starting(case) and not is_explained:
        yield Benign(code="warm-up", text="It starts: not all of its tasks run yet")
    if is_restarting(case):
        yield Benign(code="rescale", text="It restarts, so far without an exception")
    if case.warming_up:
        yield Benign(
            code="warm-up",
            text="All its tasks have run for less than 30 s: rates are not judged yet (Flink shows "
            "every subtask as fully busy at first)",
        )
    elif case.all_running is True and not case.frozen:
        yield from _of_rates(case, in_burst)
    rescales = [e for e in case.episodes if e.ended_ms and is_rescale(e, case.now_ms)]
    if rescales:
        times = "once" if len(rescales) == 1 else f"{len(rescales)} times"
        yield Benign(
            code="rescale",
            text=f"It restarted {times} without an exception, last at "
            f"{clock(rescales[-1].began_ms)}: a rescale",
        )


def _of_rates(case: Case, in_burst: bool) -> Iterator[Benign]:
    """Busy sources, lags that fall, bursts."""
    if in_burst:
        text = "Records come in bursts, which were worked off before in this hour; this is one"
        yield Benign(code="burst", text=text)
    for lag in case.lags:
        source = case.by_vertex.get(lag.vertex)
        if lag.falling is True and source:
            left = ""
            if not isinstance(lag.records, Unknown):
                left = f", {plural(lag.records, 'record')} left"
            name = quoted(source.vertex.name)
            yield Benign(code="catching-up", text=f"{name} works off what has piled up{left}")
    for v in case.vertices:
        name = quoted(v.vertex.name)
        own = [lag for lag in case.lags if lag.vertex == v.vertex.id]
        keeps_up = bool(own) and all(g.rising is False and g.falling is False for g in own)
        if v.saturated and v.reads_from_outside and keeps_up:
            yield Benign(
                code="paced-source",
                text=f"{name} shows as fully busy and its lag does not grow: it waits inside its "
                "reader, or just keeps up",
            )
