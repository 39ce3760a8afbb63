"""What YARN tells of Flink applications and their containers, from a few GETs now and then."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from drsquirrel.enrich.look_up import Found, Remembered, look_up_all
from drsquirrel.model.clock import Clock
from drsquirrel.model.kill import kill_of
from drsquirrel.model.yarn import FORGOTTEN, GONE, YarnContainer, YarnFacts, with_ended

RUNNING = "/ws/v1/cluster/apps?applicationTypes=Apache%20Flink&states=RUNNING"
NODE = "/ws/v1/node/containers"
APPLICATION_FRESH_MS, LISTED_FRESH_MS = 15_000, 10_000
NODE_FRESH_MS = 4_000
"""A NodeManager tells of a container's end until Flink has taken note of it: some 10 s."""
RETRY_MS = 15_000
TIMEOUT_S = 6.0
PER_MINUTE = 1_000
"""Requests to a ResourceManager of each kind; to all its NodeManagers 20 times as many."""
AT_ONCE = 4
CONTAINERS_MAX = 2_000
FORGOTTEN_MS = 180_000
"""A ResourceManager that was started again answers before it knows of the applications that run."""
SEARCHED_MS = 30_000
"""For so long a NodeManager's log is searched for what it tells of an end."""
TEXT_CHARACTERS = 1_000
NOT_TOLD = -1000
"""The exit code of a container that runs."""
OVER = ("FINISHED", "FAILED", "KILLED")
NOT_FOUND = 404
NAMED = 3
"""NodeManagers of which it is said why they do not answer; the others are counted."""
T = TypeVar("T")
_TREE = re.compile(r"Dump of the process-tree for \S+ :.*?(?=\n\[|\nFor more|\Z)", re.DOTALL)
_MASTER = re.compile(r"container_(?:e\d+_)?(\d+_\d+)_(\d+)_\d+")


class Yarn(Protocol):
    """Where answers come from; raises Exceptions whose str() is a sentence."""

    async def get(self, path: str) -> Any:
        """What the ResourceManager answers."""
        ...

    async def get_of(self, node: str, path: str) -> Any:
        """What a NodeManager answers."""
        ...

    async def log_of(self, node: str, container: str) -> str:
        """What a NodeManager's log tells of the end of a container."""
        ...


class _Application(Struct, rename="camel"):
    id: str
    name: str = ""
    user: str = ""
    queue: str = ""
    state: str = ""
    final_status: str = ""
    diagnostics: str = ""
    launch_time: int = 0
    started_time: int = 0
    finished_time: int = 0
    am_container_logs: str = ""
    am_host_http_address: str = ""


class _Listed(Struct, rename="camel"):
    """A container as the ResourceManager lists it: it writes numbers as texts."""

    container_id: str
    allocated_mb: int = field(name="allocatedMB", default=0)
    allocated_v_cores: int = 0
    node_http_address: str = ""


class _OnNode(Struct, rename="camel"):
    """A container as its NodeManager tells of it."""

    id: str
    state: str = ""
    exit_code: int = NOT_TOLD
    diagnostics: str = ""
    total_memory_needed_mb: int = field(name="totalMemoryNeededMB", default=0)
    total_v_cores_needed: int = 0


async def running(yarn: Yarn) -> list[YarnFacts]:
    """The Flink applications that run, the newest first, without their containers. Raises what
    `yarn` does, and ValueError with a sentence."""
    answer = await yarn.get(RUNNING)
    told = [_application(_read(app, _Application), 0) for app in _many(answer, "apps", "app")]
    return sorted(told, key=lambda a: -(a.launched_ms or 0))


class YarnFactsSource:
    """Looks up the facts of one application by its id."""

    def __init__(self, yarn: Yarn, clock: Clock) -> None:
        self._yarn = yarn
        self._clock = clock
        self._known: dict[str, YarnFacts] = {}
        self._gone_ms: dict[str, int] = {}
        self._unknown_ms: dict[str, int] = {}
        """Since when the ResourceManager does not know an application."""

        def remembered(ask: Any, fresh_ms: int, per_minute: int = PER_MINUTE) -> Any:
            return Remembered(
                ask,
                clock,
                fresh_ms=fresh_ms,
                retry_ms=RETRY_MS,
                timeout_s=TIMEOUT_S,
                per_minute=per_minute,
                limit=CONTAINERS_MAX,
            )

        self._applications: Remembered[str, tuple[YarnFacts, str]]
        self._applications = remembered(self._ask_application, APPLICATION_FRESH_MS)
        self._listed: Remembered[str, list[YarnContainer]]
        self._listed = remembered(self._ask_listed, LISTED_FRESH_MS)
        self._nodes: Remembered[str, list[YarnContainer]]
        self._nodes = remembered(self._ask_node, NODE_FRESH_MS, 20 * PER_MINUTE)
        self._logs: Remembered[tuple[str, str], str]
        self._logs = remembered(self._ask_log, NODE_FRESH_MS, PER_MINUTE // 10)

    async def look_up(self, application: str) -> Found[YarnFacts]:
        """What is known of an application now. What cannot be asked keeps what was found before,
        and what YARN has forgotten of its containers stays."""
        found = await self._applications.look_up(application)
        before = self._known.get(application)
        if found.value is None:
            return Found(
                value=before,
                taken_ms=before.taken_ms if before else found.taken_ms,
                asked_ms=found.asked_ms,
                complete=False,
                says=found.says,
            )
        facts, attempt = found.value
        if facts.is_over:
            ran = before.containers if before else ()
            facts = with_ended(facts, (c if c.is_over else replace(c, state=GONE) for c in ran))
        else:
            facts = await self._with_containers(facts, attempt, before)
        says = " ".join(dict.fromkeys(text for text in (found.says, facts.says) if text))
        facts = replace(facts, taken_ms=found.taken_ms, complete=not says, says=says)
        self._known[application] = facts
        return Found(
            value=facts,
            taken_ms=found.taken_ms,
            asked_ms=found.asked_ms,
            complete=not says,
            says=says,
        )

    def forget(self, application: str) -> None:
        """Keep nothing of an application that is no longer looked up."""
        self._unknown_ms.pop(application, None)
        known = self._known.pop(application, None)
        for container in known.containers if known else ():
            self._gone_ms.pop(container.id, None)

    async def _with_containers(
        self, facts: YarnFacts, attempt: str, before: YarnFacts | None
    ) -> YarnFacts:
        known = {c.id: c for c in before.containers} if before else {}
        of_manager = await self._listed.look_up(f"{facts.application}/{attempt}")
        listed = {c.id: c for c in of_manager.value or ()}
        places = {c.node for c in (*listed.values(), *known.values()) if c.node and not c.is_over}
        names = sorted(places)
        found = await look_up_all(self._nodes, names, at_once=AT_ONCE)
        answered = {name: look for name, look in zip(names, found, strict=True) if look.complete}
        of = facts.application.removeprefix("application")
        told = {
            c.id: replace(c, node=name)
            for name, look in answered.items()
            for c in look.value or ()
            if f"{of}_" in c.id
        }
        containers = [
            _joined(known.get(id_), listed.get(id_), told.get(id_))
            for id_ in {**listed, **told, **known}
        ]
        containers = [
            await self._if_gone(c, told, answered, None if not of_manager.complete else listed)
            for c in containers
        ]
        says = [look.says for look in (of_manager, *found) if look.says]
        if (more := len(says) - NAMED) > 0:
            says[NAMED:] = [f"And {more} more."]
        facts = replace(facts, containers=tuple(containers), says=" ".join(says))
        return with_ended(facts, ())

    async def _if_gone(
        self,
        container: YarnContainer,
        told: dict[str, YarnContainer],
        answered: dict[str, Found[list[YarnContainer]]],
        listed: dict[str, YarnContainer] | None,
    ) -> YarnContainer:
        """A container, over where its node names it no more; its end is looked for in the log."""
        id_, now_ms = container.id, self._clock.now_ms()
        if id_ in told or (container.is_over and id_ not in self._gone_ms):
            return container
        was_told, on_node = bool(container.state), container.node in answered
        is_gone = container.is_over or (on_node and was_told)
        is_gone |= listed is not None and id_ not in listed
        if not is_gone:
            return container
        began_ms = self._gone_ms.setdefault(id_, now_ms)
        kill = None
        if on_node:  # else each of many would wait for its time-out
            look = await self._logs.look_up((container.node, id_))
            kill = kill_of(look.value or "")
        if kill is not None or now_ms - began_ms > SEARCHED_MS:
            del self._gone_ms[id_]
        if kill is None:
            return replace(container, state=GONE)
        said_by = "NodeManager's log"
        return replace(container, state=GONE, kill=kill, exit_code=kill.exit_code, said_by=said_by)

    async def _ask_application(self, id_: str) -> tuple[YarnFacts, str]:
        """Its facts, and its newest attempt ("" before the first)."""
        try:
            answer = await self._yarn.get(f"/ws/v1/cluster/apps/{id_}")
        except Exception as error:
            known, now_ms = self._known.get(id_), self._clock.now_ms()
            if getattr(error, "status", 0) != NOT_FOUND or known is None:
                raise
            if now_ms - self._unknown_ms.setdefault(id_, now_ms) < FORGOTTEN_MS:
                raise
            return replace(known, state=FORGOTTEN, ended_ms=now_ms), ""
        self._unknown_ms.pop(id_, None)
        [app] = _many(answer, "app") or [None]
        told = _read(app, _Application)
        found = _MASTER.search(told.am_container_logs)
        attempt = f"appattempt_{found[1]}_{int(found[2]):06d}" if found else ""
        return _application(told, self._clock.now_ms()), attempt

    async def _ask_listed(self, key: str) -> list[YarnContainer]:
        application, _, attempt = key.partition("/")
        if not attempt:
            return []
        path = f"/ws/v1/cluster/apps/{application}/appattempts/{attempt}/containers"
        listed = [_read(told, _Listed) for told in _many(await self._yarn.get(path), "container")]
        return [
            YarnContainer(
                id=told.container_id,
                node=told.node_http_address.removeprefix("http://"),
                memory_mib=told.allocated_mb or None,
                vcores=told.allocated_v_cores or None,
            )
            for told in listed[:CONTAINERS_MAX]
        ]

    async def _ask_node(self, node: str) -> list[YarnContainer]:
        answer = await self._yarn.get_of(node, NODE)
        told = [_read(one, _OnNode) for one in _many(answer, "containers", "container")]
        return list(_on_node(told[:CONTAINERS_MAX]))

    async def _ask_log(self, key: tuple[str, str]) -> str:
        return await self._yarn.log_of(*key)


def _on_node(told: Iterable[_OnNode]) -> Iterator[YarnContainer]:
    for one in told:
        runs = one.exit_code == NOT_TOLD
        yield YarnContainer(
            id=one.id,
            state=one.state,
            memory_mib=one.total_memory_needed_mb or None,
            vcores=one.total_v_cores_needed or None,
            exit_code=None if runs else one.exit_code,
            kill=None if runs else kill_of(_cut(one.diagnostics), one.exit_code),
            said_by="" if runs else "NodeManager",
        )


def _joined(
    before: YarnContainer | None, listed: YarnContainer | None, told: YarnContainer | None
) -> YarnContainer:
    """What is known of a container from what was known, and what the managers tell now."""
    first, *others = [c for c in (told, before, listed) if c is not None]
    for other in others:
        first = replace(
            first,
            node=first.node or other.node,
            memory_mib=first.memory_mib or other.memory_mib,
            vcores=first.vcores or other.vcores,
        )
    return first


def _application(app: _Application, now_ms: int) -> YarnFacts:
    return YarnFacts(
        application=app.id,
        name=app.name,
        user=app.user,
        queue=app.queue,
        state=app.state,
        final_status=app.final_status,
        launched_ms=app.launch_time or app.started_time or None,
        ended_ms=app.finished_time or now_ms if app.state in OVER else None,
        diagnostics=_cut(app.diagnostics)[:TEXT_CHARACTERS],
        taken_ms=now_ms,
    )


def _cut(diagnostics: str) -> str:
    """The text without the tree of processes: their command lines say much, and nothing of why."""
    return "".join(part.rstrip() for part in _TREE.split(diagnostics)).strip()


def _read(told: Any, kind: type[T]) -> T:
    """One of these; raises ValueError with a sentence. YARN writes some numbers as texts."""
    try:
        return msgspec.convert(told, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(
            f"The answer is not of the shape that YARN sends ({error}): is this its address?"
        ) from None


def _many(answer: Any, *path: str) -> list[Any]:
    """What stands at the end of the path: YARN writes nothing for none, one without a list."""
    for name in path:
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer if isinstance(answer, list) else [answer] if answer else []
