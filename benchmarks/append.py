"""What a log line costs the thread that writes it: our appender beside Log4j's asynchronous one.

In one JVM, 100,000 lines a second from two threads; the appenders take turns of a second. Kafka is
well, refuses, is silent, slow, unresolvable, or dies again and again in the middle of it.
"""

import json
import os
import statistics
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import machine
from benchmarks.ratio import spread
from demo.plugin import build
from demo.proxy import Mode
from tests.plugin.harness import Java, Sick, sick_broker

PER_SECOND = int(os.environ.get("PER_SECOND", "100000"))
TURN_S = float(os.environ.get("TURN_S", "1"))
ROUNDS = int(os.environ.get("ROUNDS", "10"))
WARM_UP_ROUNDS = 2
RESULT = Path(os.environ.get("RESULT", Path(__file__).parent / "results" / "append.json"))
MAIN = "io.drsquirrel.flink.log.AppendBench"
JVM_ARGS = ("-Xms512m", "-Xmx512m", "-XX:+UseG1GC")
FLOOD = "log-window-lines=10000 log-window-ms=100"
"""Nothing is collapsed: every line is sent."""
UNRESOLVABLE = "kafka.bootstrap.servers=no-such-host.invalid:9092"
GOAL = 1.5
DIES_EVERY_S = 1.5
SLOW_BYTES_PER_S = 20_000
ARMS = 4


@dataclass(frozen=True)
class Cell:
    """One state of Kafka and one kind of lines."""

    kafka: str
    lines: str
    is_flood: bool = False

    @property
    def name(self) -> str:
        return f"{self.kafka}, {'every line sent' if self.is_flood else self.lines.lower()}"

    @property
    def options(self) -> str:
        floods = FLOOD if self.is_flood else ""
        return f"{floods} {UNRESOLVABLE if self.kafka == 'unresolvable' else ''}".strip()


KAFKAS = ("well", "refused", "black hole", "slow", "unresolvable", "dying")
CELLS = (
    *(Cell(kafka, lines) for kafka in KAFKAS for lines in ("NUMBERED", "THROWN")),
    Cell("well", "INFO"),
    *(Cell(kafka, "NUMBERED", is_flood=True) for kafka in ("well", "dying", "black hole")),
)
"""In the last one the queue is full all the time."""


def main() -> None:
    before = machine()
    cells = {}
    jar = build()
    with TemporaryDirectory(prefix="append-") as folder, sick_broker() as sick:
        sick.make_topics()
        told = ("cluster=bench", f"kafka.bootstrap.servers={sick.address}")
        file = Path(folder) / "written.log"
        with Java(
            jar, Path(folder), MAIN, file, PER_SECOND, TURN_S, *told, jvm_args=JVM_ARGS
        ) as java:
            for cell in CELLS:
                cells[cell.name] = measured(java, sick, cell)
                print(cell.name, json.dumps(cells[cell.name]["ratios"]), file=sys.stderr)
    result = {
        "machine": before,
        "lines_per_s": PER_SECOND,
        "rounds": ROUNDS,
        "goal": GOAL,
        "over_the_goal": over_the_goal(cells),
        "cells": cells,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")


def measured(java: Java, sick: Sick, cell: Cell) -> dict[str, Any]:
    java.say(f"open {cell.options}".strip())
    assert java.line(30) == "open"
    if cell.kafka != "unresolvable":
        java.say("first")
        assert java.line(120) == "sent"
    with STATES[cell.kafka](sick):
        rounds = ROUNDS + WARM_UP_ROUNDS
        java.say(f"measure {cell.lines} {rounds}")
        told = json.loads(java.line(rounds * ARMS * (TURN_S + 3) + 60))
    java.say("close")
    assert java.line(30) == "closed"
    turns = told.pop("turns")[WARM_UP_ROUNDS * ARMS :]
    return {"ratios": ratios(turns), "arms": arms(turns), "lines": told}


@contextmanager
def set_to(sick: Sick, mode: Mode) -> Iterator[None]:
    sick.proxy.bytes_per_s = SLOW_BYTES_PER_S
    sick.proxy.set(mode)
    yield
    sick.proxy.set(Mode.PASS)


@contextmanager
def dying(sick: Sick) -> Iterator[None]:
    """Away and back again all the time."""
    over = threading.Event()

    def run() -> None:
        modes = [Mode.REFUSE, Mode.PASS]
        while not over.wait(DIES_EVERY_S):
            sick.proxy.set(modes[0])
            modes.reverse()

    thread = threading.Thread(target=run, name="dying")
    thread.start()
    yield
    over.set()
    thread.join()
    sick.proxy.set(Mode.PASS)


STATES: dict[str, Callable[[Sick], Any]] = {
    "well": lambda sick: set_to(sick, Mode.PASS),
    "refused": lambda sick: set_to(sick, Mode.REFUSE),
    "black hole": lambda sick: set_to(sick, Mode.BLACK_HOLE),
    "slow": lambda sick: set_to(sick, Mode.SLOW),
    "unresolvable": lambda sick: set_to(sick, Mode.PASS),
    "dying": dying,
}


def ratios(turns: Sequence[dict[str, Any]]) -> dict[str, dict[str, list[float]]]:
    """Ours to each of Log4j's: median over the rounds, and the least and the most of them."""
    by_arm = {arm: of(turns, arm) for arm in ("noop", "ours", "async-null", "async-file")}
    return {
        reference: {
            "append_p50": paired(
                by_arm["ours"], by_arm[reference], lambda t: t["append"]["p50_ns"]
            ),
            "append_p99": paired(
                by_arm["ours"], by_arm[reference], lambda t: t["append"]["p99_ns"]
            ),
            "cpu": net_of_cpu(by_arm["ours"], by_arm[reference], by_arm["noop"]),
        }
        for reference in ("async-null", "async-file")
    }


def of(turns: Sequence[dict[str, Any]], arm: str) -> list[dict[str, Any]]:
    return [turn for turn in turns if turn["arm"] == arm]


def paired(
    ours: Sequence[Any], theirs: Sequence[Any], figure: Callable[[Any], float]
) -> list[float]:
    return spread([figure(our) / figure(their) for our, their in zip(ours, theirs, strict=True)])


def net_of_cpu(ours: Sequence[Any], theirs: Sequence[Any], noop: Sequence[Any]) -> list[float]:
    """Without what logging takes where the appender does nothing."""

    def net(arm: Sequence[Any]) -> list[float]:
        nothing = statistics.median(turn["cpu_us_per_event"] for turn in noop)
        return [turn["cpu_us_per_event"] - nothing for turn in arm]

    pairs = zip(net(ours), net(theirs), strict=True)
    return spread([our / their for our, their in pairs if their > 0])


def arms(turns: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each arm the medians over its turns; of what is over 1 ms, the sum."""
    found = {}
    for arm in dict.fromkeys(turn["arm"] for turn in turns):
        its = of(turns, arm)
        found[arm] = {
            "per_s": round(statistics.median(t["events"] / t["seconds"] for t in its)),
            "cpu_us": round(statistics.median(t["cpu_us_per_event"] for t in its), 2),
            **{
                f"{what}_{figure}": statistics.median(t[what][figure] for t in its)
                for what in ("append", "call")
                for figure in ("p50_ns", "p99_ns", "p999_ns")
            },
            "append_max_ns": max(t["append"]["max_ns"] for t in its),
            "appends": sum(t["events"] for t in its),
            "appends_over_1_ms": sum(t["append"]["over_1_ms"] for t in its),
        }
    return found


def over_the_goal(cells: dict[str, Any]) -> list[str]:
    return [
        f"{name}: {figure} to {reference} {found[0]}"
        for name, cell in cells.items()
        for reference, figures in cell["ratios"].items()
        for figure, found in figures.items()
        if found[0] > GOAL
    ]


if __name__ == "__main__":
    main()
