"""Reads Flink's thread dumps: the threads of a run's tasks, with frames, states and locks."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from drsquirrel.model.facts import JobFacts, ThreadSample, bounded

THREADS_READ_MAX = 2_000
SAMPLES_MAX = 500
FRAMES_MAX = 256
NAME_CHARACTERS_MAX = 10_000
STACK_CHARACTERS_MAX = 1 << 16

_TASK_THREAD = re.compile(r"(?:Legacy Source Thread - )?(.+) \((\d+)/(\d+)\)#\d+", re.DOTALL)
_HEADER = re.compile(r'.*?\bId=(\d+) ([A-Z_]+)(?: on (\S+))?(?: owned by "(.*)" Id=\d+)?')
# loader/module@version/ before a class: app//, java.base@21.0.8/
_MODULE = re.compile(r"^(?:[\w.$@+-]*/){1,2}")
_LAMBDA = re.compile(r"\$\$Lambda(?:\$\d+)?/\w+")
_BOTTOMS = (
    "org.apache.flink.runtime.taskmanager.Task.run(",
    "org.apache.flink.streaming.runtime.tasks.SourceStreamTask$LegacySourceFunctionThread.run(",
)
"""A thread that works for a task, and is not one of its timers or flushers, begins in these."""


def samples_of(
    answer: Any, container: str, time_ms: int, facts: JobFacts
) -> tuple[list[ThreadSample], int]:
    """The threads of this run's tasks in an answer, and how many threads there are in all.

    A task is known by its name and parallelism: another job's task of the same may be among them.
    """
    threads = answer.get("threadInfos") if isinstance(answer, dict) else None
    if not isinstance(threads, list):
        return [], 0
    wanted = {(v.name, v.parallelism) for v in facts.vertices}
    found = _task_threads(threads[:THREADS_READ_MAX], wanted, container, time_ms)
    return list(islice(found, SAMPLES_MAX)), len(threads)


def _task_threads(
    threads: list[Any], wanted: set[tuple[str, int]], container: str, time_ms: int
) -> Iterator[ThreadSample]:
    for thread in threads:
        name, text = _name_and_text(thread)
        task = _TASK_THREAD.fullmatch(name)
        of = bounded(task.group(1)) if task else ""
        if task is None or not _is_wanted(of, int(task.group(3)), wanted):
            continue
        header, _, stack = text.removeprefix(f'"{name}"').partition("\n")
        told = _HEADER.match(header)
        frames = tuple(islice(_frames(stack), FRAMES_MAX))
        if told is None or not any(frame.startswith(_BOTTOMS) for frame in frames):
            continue
        waits = told.group(2) == "BLOCKED" or told.group(4) is not None
        yield ThreadSample(
            container=container,
            time_ms=time_ms,
            task=of,
            subtask=int(task.group(2)) - 1,
            state=told.group(2),
            frames=frames,
            waits_for=(told.group(3) or "") if waits else "",
            held_by=_TASK_THREAD.sub(_bounded, told.group(4) or ""),
            thread=int(told.group(1)),
        )


def _bounded(task: re.Match[str]) -> str:
    """The name of a task's thread, with the task's as it is kept."""
    return task.group().replace(task.group(1), bounded(task.group(1)), 1)


def _name_and_text(thread: Any) -> tuple[str, str]:
    if not isinstance(thread, dict):
        return "", ""
    name, text = thread.get("threadName"), thread.get("stringifiedThreadInfo")
    if not isinstance(name, str) or not isinstance(text, str) or len(name) > NAME_CHARACTERS_MAX:
        return "", ""
    return name, text[:STACK_CHARACTERS_MAX]


def _is_wanted(task: str, parallelism: int, wanted: set[tuple[str, int]]) -> bool:
    """Whether a vertex has this name, which Flink may have cut, and parallelism."""
    return (task, parallelism) in wanted or any(
        parallelism == of and name.startswith(task) for name, of in wanted
    )


def _frames(stack: str) -> Iterator[str]:
    for line in stack.split("\n"):
        if line.startswith("\tat "):
            yield _MODULE.sub("", _LAMBDA.sub("$$Lambda", line[4:].strip()))
