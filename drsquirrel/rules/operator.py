"""What the names of operators and of stack frames tell: sink, source or look-up, and whose code."""

import re

from drsquirrel.model.facts import Vertex

_SINK = re.compile(r"^Sink: |\bSink\(|: (Global )?(Writer|Committer)$")
_LOOKUP = re.compile(r"look-?up|^async wait operator", re.IGNORECASE)
_AROUND = re.compile(r"^(Source|Sink): (?=.)|: (Global )?(Writer|Committer)$")
_SINK_CALLS = ("write", "flush", "invoke", "commit", "prepareCommit")
_SOURCE_CALLS = ("pollNext", "emitRecord", "deserialize")


def operators(vertex: Vertex) -> tuple[str, ...]:
    """The chained operators of a vertex, where the plan tells them, else the vertex itself."""
    return vertex.operators or (vertex.name,)


def short(name: str) -> str:
    """A name without what Flink puts around it: "Sink: orders: Writer" is "orders"."""
    return _AROUND.sub("", _AROUND.sub("", name)) or name


def is_sink(name: str) -> bool:
    """Whether an operator is a sink or part of one, as Flink and its SQL planner name them."""
    return bool(_SINK.search(name))


def is_lookup(name: str) -> bool:
    """Whether an operator asks another system, by its name: SQL's LookupJoin, async functions."""
    return bool(_LOOKUP.search(name))


def is_async(name: str) -> bool:
    """Whether an operator asks asynchronously, by its name."""
    return "async" in name.lower()


def method_of(frame: str) -> str:
    """`Class.method` of a stack frame, without package, file and line."""
    return ".".join(frame.partition("(")[0].split(".")[-2:])


def is_sink_frame(frame: str) -> bool:
    """Whether a frame is where a sink takes a record, writes or commits."""
    called = method_of(frame).rpartition(".")[2]
    by_flink = frame.startswith("org.apache.flink.") and "sink" in frame.lower()
    return called.startswith(_SINK_CALLS) or by_flink


def is_source_frame(frame: str) -> bool:
    """Whether a frame is where a source reads or decodes a record."""
    return method_of(frame).rpartition(".")[2].startswith(_SOURCE_CALLS)
