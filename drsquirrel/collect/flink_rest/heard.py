"""What one round heard of a run."""

from dataclasses import dataclass, field

from drsquirrel.collect.flink_rest.answer import Subtask
from drsquirrel.model.event import Event, Values

NOTHING = Values({})


@dataclass
class Heard:
    """Scopes with the container they belong to, and events.

    `live` holds as of now, `counted` as of when Flink last brought its metrics up to date. `late`
    are the TaskManagers whose part of that update was not there yet.
    """

    live: list[tuple[str, Values]] = field(default_factory=list)
    counted: list[tuple[str, Values]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    restarts: Values = NOTHING
    uptime_ms: int | None = None
    late: set[str] = field(default_factory=set)


def container_of(subtask: Subtask) -> str:
    """Flink writes "(unassigned)" where a subtask has no slot."""
    return "" if subtask.taskmanager_id.startswith("(") else subtask.taskmanager_id
