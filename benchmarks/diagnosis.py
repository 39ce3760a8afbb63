"""How soon the right cause is named and for how long it stays, and what the healthy jobs hear.

On one real cluster: healthy jobs run from beginning to end; beside them the sick ones start again
and again. A repeat that was over when the run was interrupted is not made again. With TIER=deep the
cluster has the plugin, and is watched twice at once: through Kafka and REST, and by REST alone.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import msgspec

from benchmarks.machine import machine
from demo import plugin
from demo.broker import Broker
from demo.cluster import Cluster
from demo.scenarios import DEMO, SCENARIOS, SLOW_MACHINE, Scenario, submit
from drsquirrel.model.verdict import Verdict
from tests.faults.watching import NAME as CLUSTER
from tests.faults.watching import Watching, names_the_cause

REPEATS = int(os.environ.get("REPEATS", "10"))
BESIDE = int(os.environ.get("BESIDE", "0"))
"""So many more jobs run beside them, nearly idle: a round covers a crowded cluster in turns."""
JOBS = os.environ.get("JOBS", "demo")
"""Which start again and again: the sick ones of the demo, the "twins", or "all" at once."""
IS_DEEP = os.environ.get("TIER") == "deep"
NAME = "_".join(
    [
        "diagnosis",
        *([JOBS] if JOBS != "demo" else []),
        *([f"beside_{BESIDE}"] if BESIDE else []),
        *(["deep"] if IS_DEEP else []),
    ]
)
RESULT = Path(__file__).parent / "results" / f"{NAME}.json"
DONE = Path(f".run/evidence/{NAME}.jsonl")
NAMED_WITHIN_S = 150
STAYS_S = 300
LIVES_S = NAMED_WITHIN_S + STAYS_S
"""So long each repeat is watched; the next one starts then."""
NAMES = (
    "slow-lookup",
    "slow-socket",
    "npe",
    "bad-record",
    "slow-subtask-by-data",
    "slow-subtask-by-machine",
)
OF_DEMO = tuple(s for s in DEMO if s.expected)
TWINS = tuple(SCENARIOS[name] for name in NAMES)
SICK = {"demo": OF_DEMO, "twins": TWINS, "all": (*OF_DEMO, *TWINS)}[JOBS]
STARTED_AGAIN = tuple(SCENARIOS[name] for name in ("bounded", "catching-up"))
"""Nothing is wrong with these either, but they are over soon."""
REDEPLOYED = replace(SCENARIOS["healthy"], name="redeployed", job="redeployed")
"""Cancelled and started under the same name with every repeat."""
QUIET = (
    *(SCENARIOS[n] for n in ("healthy", "bursty", "sleeping-source", "nearly-idle", "chained")),
    *(replace(SCENARIOS["nearly-idle"], job=f"idle-{n}") for n in range(BESIDE)),
)
CALM = (Verdict.HEALTHY, Verdict.ENDED, Verdict.UNKNOWN)


@dataclass
class Heard:
    """What was said of one job. `after_s`: seconds since it was submitted, in which it starts and
    warms up for 30 s; None: never named."""

    scenario: str
    after_s: float | None
    after_symptom_s: float | None
    """Since the first look that said of anything that it is not well."""
    first_named: str
    """The first cause that was sure; "" where none was."""
    looks: int
    """Since the right one was first named."""
    right_looks: int
    right_at_the_end: bool
    story: str

    @property
    def is_as_it_should_be(self) -> bool:
        """The right one was named, first, and for good."""
        is_named = self.after_s is not None and self.right_looks == self.looks
        return is_named and self.first_named in SCENARIOS[self.scenario].expected


@dataclass
class Repeat:
    """One start of all sick jobs; its quiet ones raised `alarms`."""

    heard: list[Heard]
    alarms: list[str]
    load: float
    by_rest: list[Heard] = field(default_factory=list)
    """The same by REST alone, where that is the second way."""


class Started:
    """The jobs of one repeat: they run under names of their own."""

    def __init__(self, cluster: Cluster, number: int) -> None:
        self.began_s = time.time()
        self._cluster = cluster
        self._jobs: list[tuple[Scenario, str, float]] = []
        for scenario in (*SICK, *STARTED_AGAIN):
            own = replace(scenario, job=f"{scenario.job_name}-{number}")
            self._jobs.append((own, submit(cluster, own), time.time()))

    def finish(self, watching: Watching, beside: Watching | None) -> Repeat:
        """Judge what was said, and cancel what still runs."""
        heard = self._heard(watching)
        by_rest = self._heard(beside) if beside else []
        alarms = [a for s, _, _ in self._jobs if not s.expected for a in alarms_of(watching, s)]
        for scenario, job, _ in self._jobs:
            if scenario.name != "bounded":
                self._cluster.cancel(job)
        return Repeat(heard, alarms, round(os.getloadavg()[1], 1), by_rest)

    def _heard(self, watching: Watching) -> list[Heard]:
        return [heard_of(watching, s, at) for s, _, at in self._jobs if s.expected]


def main() -> None:
    done = [msgspec.json.decode(line, type=Repeat) for line in read_done()]
    before, began_s = machine(), time.time()
    left = REPEATS - len(done)
    with ExitStack() as stack:
        brokers = stack.enter_context(Broker()).address if IS_DEEP else ""
        if IS_DEEP:
            plugin.make_topics(brokers)
        cluster = stack.enter_context(
            Cluster(
                "2.3.0",
                slots=64,
                heap_mb=640,
                fast_start=True,
                jvm_args={1: [SLOW_MACHINE]},
                plugins={"drsquirrel": plugin.build()} if IS_DEEP else {},
                config=plugin.options(CLUSTER, brokers) if IS_DEEP else {},
            )
        )
        for scenario in QUIET:
            submit(cluster, scenario)
        with ExitStack() as watched:
            watching = watched.enter_context(Watching(cluster.url, brokers=brokers))
            beside = watched.enter_context(Watching(cluster.url)) if IS_DEEP else None
            repeats_of(cluster, watching, beside, len(done), left, done)
            minutes = (time.time() - began_s) / 60
            quiet = [a for s in (*QUIET, REDEPLOYED) for a in alarms_of(watching, s)]
            looks = {s.job_name: len(watching.said[s.job_name]) for s in (*QUIET, REDEPLOYED)}
    result = {
        "machine": before,
        "load_of_repeats": [r.load for r in done],
        "repeats": len(done),
        "sick": summary(h for r in done for h in r.heard),
        **({"sick_by_rest": summary(h for r in done for h in r.by_rest)} if IS_DEEP else {}),
        "quiet": {
            "minutes": round(minutes, 1),
            "looks": looks,
            "alarms": [*quiet, *(a for r in done for a in r.alarms)],
        },
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    json.dump(result, sys.stdout, indent=2)
    print()
    DONE.unlink()


def read_done() -> list[str]:
    return DONE.read_text("utf-8").splitlines() if DONE.exists() else []


def repeats_of(
    cluster: Cluster,
    watching: Watching,
    beside: Watching | None,
    first: int,
    left: int,
    done: list[Repeat],
) -> None:
    """Make the repeats that are left, one after the other, and keep what was found."""
    DONE.parent.mkdir(parents=True, exist_ok=True)
    redeployed = ""
    for number in range(first, first + left):
        if redeployed:
            cluster.cancel(redeployed)
        redeployed = submit(cluster, REDEPLOYED)
        started = Started(cluster, number)
        time.sleep(max(0, started.began_s + LIVES_S - time.time()))
        done.append(started.finish(watching, beside))
        with DONE.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(done[-1])) + "\n")
        print(f"{len(done)} of {first + left} repeats are over", file=sys.stderr)


def heard_of(watching: Watching, scenario: Scenario, submitted_s: float) -> Heard:
    said = watching.said.get(scenario.job_name, [])
    right = [names_the_cause(s.report, scenario) for s in said]
    first = right.index(True) if True in right else None
    named = next((s.best.code for s in said if s.best), "")
    since = [] if first is None else right[first:]
    unwell = next((s.at_s for s in said if s.report.verdict not in CALM or s.report.symptoms), None)
    return Heard(
        scenario=scenario.name,
        after_s=None if first is None else round(said[first].at_s - submitted_s, 1),
        after_symptom_s=None
        if first is None or unwell is None
        else round(max(0.0, said[first].at_s - unwell), 1),
        first_named=named,
        looks=len(since),
        right_looks=sum(since),
        right_at_the_end=bool(right and right[-1]),
        story=watching.story(scenario.job_name),
    )


def alarms_of(watching: Watching, scenario: Scenario) -> list[str]:
    """What was said of a job with which nothing is wrong, if that was any alarm."""
    said = watching.said.get(scenario.job_name, [])
    if said and all(s.report.verdict in CALM for s in said):
        return []
    return [f"{scenario.job_name}: {watching.story(scenario.job_name)}"]


def summary(heard: Iterable[Heard]) -> dict[str, object]:
    """Per scenario, and over all."""
    by_name: dict[str, list[Heard]] = {}
    for one in heard:
        by_name.setdefault(one.scenario, []).append(one)
    return {
        name: {
            "named": sum(h.after_s is not None for h in found),
            "of": len(found),
            "another_was_named_first": sum(
                h.first_named not in ("", *SCENARIOS[name].expected) for h in found
            ),
            "after_s": quantiles(h.after_s for h in found),
            "after_symptom_s": quantiles(h.after_symptom_s for h in found),
            "right_looks_since": f"{sum(h.right_looks for h in found)} of "
            f"{sum(h.looks for h in found)}",
            "right_at_the_end": sum(h.right_at_the_end for h in found),
            "stories": [h.story for h in found if not h.is_as_it_should_be],
        }
        for name, found in by_name.items()
    }


def quantiles(seconds: Iterable[float | None]) -> dict[str, float]:
    told = [s for s in seconds if s is not None]
    if len(told) < 2:
        return {f"p{p}": told[0] for p in (50, 95) if told}
    cut = statistics.quantiles(told, n=20, method="inclusive")
    return {"p50": round(statistics.median(told), 1), "p95": round(cut[18], 1)}


if __name__ == "__main__":
    main()
