"""The facts of applications, from a YARN that answers as a recorded one did."""

from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from drsquirrel.collect.yarn.client import YarnClient
from drsquirrel.enrich.yarn_facts import FORGOTTEN_MS, NODE, SEARCHED_MS, YarnFactsSource, running
from drsquirrel.model.yarn import FORGOTTEN, GONE, YarnContainer, YarnFacts
from tests.collect.flink_rest.clock import HandClock
from tests.collect.yarn.simulated import (
    APPLICATION,
    KILLED_EARLIER,
    MASTER,
    TASKMANAGER,
    SimulatedYarn,
    answer,
    simulated_yarn,
)

MB = 2**20


class Asked(SimpleNamespace):
    yarn: SimulatedYarn
    clock: HandClock
    client: YarnClient
    source: YarnFactsSource

    async def facts(self, pass_ms: int = 0) -> YarnFacts:
        self.clock.pass_ms(pass_ms)
        found = await self.source.look_up(APPLICATION)
        assert found.value is not None, found.says
        return found.value


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    async with simulated_yarn() as yarn, YarnClient(yarn.url) as client:
        clock = HandClock()
        source = YarnFactsSource(client, clock)
        yield Asked(yarn=yarn, clock=clock, client=client, source=source)


def by_id(facts: YarnFacts) -> dict[str, YarnContainer]:
    return {c.id: c for c in facts.containers}


async def test_the_applications_that_run_are_listed_as_yarn_writes_one_many_and_none(
    asked: Asked,
) -> None:
    [one] = await running(asked.client)
    assert (one.application, one.name, one.state) == (APPLICATION, "lab-session", "RUNNING")
    newer = dict(asked.yarn.applications[APPLICATION])
    newer |= {"id": "application_1795436173422_0009", "launchTime": newer["launchTime"] + 1}
    asked.yarn.applications[newer["id"]] = newer
    assert [a.application[-4:] for a in await running(asked.client)] == ["0009", "0001"]
    asked.yarn.applications.clear()
    assert await running(asked.client) == []


async def test_an_application_has_user_queue_launch_and_containers(asked: Asked) -> None:
    facts = await asked.facts()
    assert (facts.user, facts.queue, facts.state) == ("flink", "root.default", "RUNNING")
    assert facts.launched_ms == asked.yarn.applications[APPLICATION]["launchTime"]
    assert facts.complete and not facts.says and not facts.is_over
    assert [(c.id, c.memory_mib, c.vcores, c.state) for c in facts.containers] == [
        (MASTER, 704, 1, "RUNNING"),
        (TASKMANAGER, 832, 1, "RUNNING"),
    ]
    assert all(c.node == asked.yarn.url.removeprefix("http://") for c in facts.containers)


async def test_a_kill_for_memory_is_told_by_the_nodemanager_and_stays(asked: Asked) -> None:
    await asked.facts()
    asked.yarn.kill()
    told = by_id(await asked.facts(5_000))[TASKMANAGER]
    assert told.kill is not None and told.kill.is_for_memory and told.said_by == "NodeManager"
    assert (told.exit_code, told.kill.limit_bytes) == (-104, 832 * MB)
    asked.yarn.forget(TASKMANAGER)
    facts = await asked.facts(11_000)
    assert by_id(facts)[TASKMANAGER] == told
    assert [c.id for c in facts.alive] == [MASTER]


async def test_the_log_tells_of_a_kill_where_it_was_forgotten_at_once(asked: Asked) -> None:
    asked.yarn.log = asked.yarn.log.replace(KILLED_EARLIER, TASKMANAGER)
    await asked.facts()
    asked.yarn.forget(TASKMANAGER)
    told = by_id(await asked.facts(5_000))[TASKMANAGER]
    assert told.kill is not None
    assert (told.kill.why, told.state, told.said_by) == (
        "physical-memory",
        GONE,
        "NodeManager's log",
    )
    assert round((told.kill.used_bytes or 0) / MB, 1) == 849.6


async def test_where_nobody_tells_of_an_end_it_is_looked_for_only_for_a_while(
    asked: Asked,
) -> None:
    await asked.facts()
    asked.yarn.forget(TASKMANAGER)
    told = by_id(await asked.facts(5_000))[TASKMANAGER]
    assert (told.state, told.kill, told.exit_code, told.is_over) == (GONE, None, None, True)
    asked.yarn.log += f"\nExit code from container {TASKMANAGER} is : 137\n"
    told = by_id(await asked.facts(5_000))[TASKMANAGER]
    assert told.kill is not None and (told.kill.why, told.exit_code) == ("signal", 137)
    asked.yarn.forget(MASTER)
    await asked.facts(11_000)
    await asked.facts(SEARCHED_MS + 1)
    asked.yarn.paths()
    await asked.facts(11_000)
    assert not [path for path in asked.yarn.paths() if path.startswith("/logs/")]


async def test_a_nodemanager_that_does_not_answer_leaves_what_was_known(asked: Asked) -> None:
    before = await asked.facts()
    asked.yarn.node_down = True
    facts = await asked.facts(5_000)
    assert facts.containers == before.containers
    assert not facts.complete and "look into the log of the NodeManager" in facts.says
    asked.yarn.listed.remove(TASKMANAGER)
    told = by_id(await asked.facts(11_000))[TASKMANAGER]
    assert (told.state, told.kill) == (GONE, None), "the ResourceManager lists it no more"


async def test_a_resourcemanager_that_does_not_answer_leaves_what_was_known(asked: Asked) -> None:
    asked.yarn.down = True
    nothing = await asked.source.look_up(APPLICATION)
    assert (nothing.value, nothing.complete) == (None, False)
    assert "HTTP 503: busy" in nothing.says
    asked.yarn.down = False
    before = await asked.facts(15_000)
    asked.yarn.down = True
    asked.clock.pass_ms(15_000)
    found = await asked.source.look_up(APPLICATION)
    assert found.value is not None and found.value.user == "flink"
    assert found.value.containers == before.containers
    assert (found.complete, found.age_ms(asked.clock.now_ms())) == (False, 15_000)


async def test_an_application_that_failed_says_why_without_command_lines(asked: Asked) -> None:
    await asked.facts()
    failed = answer("application-failed.json")["app"] | {"id": APPLICATION}
    asked.yarn.applications[APPLICATION] = failed
    facts = await asked.facts(15_000)
    assert facts.is_over and facts.ended_ms == failed["finishedTime"]
    assert (facts.state, facts.final_status) == ("FAILED", "FAILED")
    assert "is running 3641344B beyond the 'PHYSICAL' memory limit" in facts.diagnostics
    assert "Exit code is 137" in facts.diagnostics
    assert "-Xmx" not in facts.diagnostics and "s3.secret-key" not in facts.diagnostics


async def test_an_application_that_yarn_has_forgotten_is_over(asked: Asked) -> None:
    await asked.facts()
    known = asked.yarn.applications.pop(APPLICATION)
    assert not (await asked.facts(15_000)).is_over, "it may not be recovered yet"
    asked.yarn.applications[APPLICATION] = known
    facts = await asked.facts(FORGOTTEN_MS)
    assert facts.complete and not facts.is_over
    asked.yarn.applications.clear()
    await asked.facts(15_000)
    facts = await asked.facts(FORGOTTEN_MS)
    assert (facts.state, facts.user, facts.is_over) == (FORGOTTEN, "flink", True)
    asked.source.forget(APPLICATION)
    asked.clock.pass_ms(15_000)
    assert "not found" in (await asked.source.look_up(APPLICATION)).says


async def test_white_space_in_diagnostics_is_searched_but_once(asked: Asked) -> None:
    """Else this one ends by its time-out."""
    dump = "Dump of the process-tree for container_1 :\n\t|- PID\n"
    asked.yarn.end("FAILED", "why" + "\n" * 200_000 + dump)
    assert (await asked.facts()).diagnostics == "why"


async def test_it_asks_seldom(asked: Asked) -> None:
    for _ in range(12):
        await asked.facts(5_000)
    paths = asked.yarn.paths()
    assert paths.count(f"/ws/v1/cluster/apps/{APPLICATION}") == 4
    assert sum(path.endswith("/containers") and "cluster" in path for path in paths) == 6
    assert paths.count(NODE) == 12


async def test_what_is_no_answer_of_yarn_is_said_to_be_none(asked: Asked) -> None:
    asked.yarn.applications[APPLICATION]["launchTime"] = "soon"
    found = await asked.source.look_up(APPLICATION)
    assert found.value is None
    assert found.says.startswith("The answer is not of the shape that YARN sends (")
